"""1.2  It activates

The sum can be any number. An activation function turns it into how excited the
neuron is. The sigmoid squashes every number to one between 0 and 1:

    sigmoid(z) = 1 / (1 + exp(-z))                  exp is math.exp

and ReLU keeps positive numbers and makes 0 of the others:

    relu(z) = max(z, 0)

A neuron is your weighted sum of 1.1, and then the sigmoid of it.

z: a number, also as large as 1000 or as small as -1000.  Each returns a number.
"""

import math

from ch1_neuron.ex1_weigh import weighted_sum  # your own


def sigmoid(z):
    if z < 0:  # exp(-z) would be too large: this is the same formula times exp(z) / exp(z)
        return math.exp(z) / (1 + math.exp(z))
    return ...  # TODO


def relu(z):
    return ...  # TODO


def neuron(x, w, b):
    return ...  # TODO
