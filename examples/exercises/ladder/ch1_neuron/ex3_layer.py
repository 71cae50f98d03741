"""1.3  A layer is a matrix product

A layer is many neurons that all receive the same inputs. Write the weights of each
neuron as a row of a matrix W. Then all weighted sums together are one product of a
matrix and a vector:

    z = W a + b            a = the activations of the layer before

With NumPy: `W @ a` is the product.

W: array (n_out, n_in).  a: array (n_in,).  b: array (n_out,).
layer returns an array (n_out,).

A batch is many examples at once, one in each row: A has shape (batch, n_in), and the
result of layer_of_batch (batch, n_out). What must be transposed?
"""


def layer(W, a, b):
    return ...  # TODO


def layer_of_batch(W, A, b):
    return ...  # TODO
