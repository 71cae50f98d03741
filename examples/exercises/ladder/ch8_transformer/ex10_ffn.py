"""8.10  The feed-forward network

Attention decides what to look at; the FFN works on what was found, for each token by
itself. Two layers, the first four times as wide, with GELU between them:

    out = gelu(x @ W1 + b1) @ W2 + b2

x: a Tensor (..., width).  p: a dict with Tensors W1 (width, 4 width), b1 (4 width,),
W2 (4 width, width), b2 (width,).  Returns a Tensor (..., width).
"""

from ch4_arrays.ex2_broadcast import add, add_rule  # all your own
from ch4_arrays.ex9_batched import matmul, matmul_rule
from ch4_arrays.ex10_tensor import record
from ch8_transformer.ex4_gelu import gelu, gelu_rule


def linear(x, W, b):
    return ...  # TODO


def ffn(x, p):
    return ...  # TODO
