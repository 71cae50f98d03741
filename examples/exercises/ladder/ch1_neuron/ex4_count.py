"""1.4  How many parameters does a network have?

The lecture's network reads digits: 784 pixels, two hidden layers of 16 neurons, 10
outputs. Between two layers each neuron is connected with each: so many weights. And
each neuron has one bias, but the inputs are no neurons: they have none.

    [784, 16, 16, 10]  ->  13,002

sizes: a list of the layers' sizes, inputs first.  Returns how many parameters there are.
"""


def count_parameters(sizes):
    return ...  # TODO
