"""2.2  A number that remembers where it came from

To trace a result back to what caused it, each number has to remember how it was made:
its parents, and its local derivatives, one for each parent: how much does the result
change when this parent alone changes a little?

    out = a + b      d out / d a = 1      d out / d b = 1
    out = a * b      d out / d a = ?      d out / d b = ?

Value(3.0) is an input. For a sum, a Value with the sum as data, the two parents, and
their two local derivatives, as below. Write the product in the same way.
"""


class Value:
    def __init__(self, data, parents=(), locals_=()):
        self.data = data  # a number
        self.parents = parents  # the Values it was made from
        self.locals = locals_  # a number for each parent
        self.grad = 0.0  # what the next exercises compute

    def __add__(self, other):
        return Value(self.data + other.data, (self, other), (1.0, 1.0))

    def __mul__(self, other):
        return ...  # TODO
