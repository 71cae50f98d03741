"""4.1  Broadcasting, undone

NumPy stretches arrays to fit: (3, 4) + (4,) uses the same 4 numbers for each of 3 rows.
So each of them is used 3 times, and its gradient is the sum of 3 contributions.

unbroadcast takes the gradient of the stretched array, and sums until it has the shape
that the array had before:

    - axes that NumPy put in front, until the number of axes is right
    - axes of size 1 that were stretched; these stay, with size 1: keepdims=True

    unbroadcast(g of shape (3, 4), (4,))     ->  shape (4,)
    unbroadcast(g of shape (3, 4), (3, 1))   ->  shape (3, 1)

g: an array.  shape: a tuple that broadcasts to g.shape.  Returns an array of that shape.
"""


def unbroadcast(g, shape):
    for _ in range(g.ndim - len(shape)):
        ...  # TODO
    for axis, size in enumerate(shape):
        if size == 1:
            ...  # TODO
    return g
