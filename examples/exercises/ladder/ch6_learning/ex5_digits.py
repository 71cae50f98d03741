"""6.5  The digit network, on your own engine

784 pixels, 16 and 16 neurons with ReLU, 10 scores: the lecture's network. Everything
that runs here is yours. network computes the scores of a batch:

    x (batch, 784) -> matmul with W, add b, relu -> ... -> (batch, 10), without a last relu

train goes through the digits three times. For each batch: the loss, backward, and one
Adam step for each weight. t counts these batches from 1. The goal: 90% of new digits.

parameters: a list [W1, b1, W2, b2, W3, b3] of Tensors, W (n_in, n_out).
"""

import numpy as np
from ch3_rules.ex8_relu import relu, relu_rule
from ch4_arrays.ex2_broadcast import add, add_rule
from ch4_arrays.ex9_batched import matmul, matmul_rule
from ch4_arrays.ex10_tensor import Tensor, backward, record
from ch5_losses.ex5_cross_entropy import cross_entropy, cross_entropy_rule
from ch6_learning.ex2_batches import mini_batches
from ch6_learning.ex4_adam import adam_step


def network(parameters, x):
    for k in range(0, len(parameters), 2):
        W, b = parameters[k], parameters[k + 1]
        ...  # TODO: x becomes the layer's result
    return x


def train(parameters, images, labels, epochs=3, lr=0.01, seed=0):
    rng = np.random.default_rng(seed)
    state = [[np.zeros_like(p.data), np.zeros_like(p.data)] for p in parameters]  # Adam's m and v
    losses, t = [], 0
    for _ in range(epochs):
        for batch in mini_batches(len(images), 64, rng):
            t += 1
            scores = network(parameters, Tensor(images[batch]))
            loss = record(cross_entropy, cross_entropy_rule, scores, targets=labels[batch])
            ...  # TODO: backward, then for each k the new parameters[k].data and state[k]
            losses.append(float(loss.data))
    return losses
