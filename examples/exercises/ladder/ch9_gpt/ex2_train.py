"""9.2  It learns from names

No labels are needed: the next token of the text is the answer. For a batch of texts
(batch, n + 1), the model reads all tokens but the last, and each place must predict the
token after it. So the targets are the same texts, moved by one.

cross_entropy wants (examples, classes): reshape the logits to two axes, and the targets
to one. Then as in 6.5: backward, and an Adam step for each parameter.

texts: an array (batch, n + 1).  loss_of returns a Tensor, a single number.
"""

import numpy as np
from ch4_arrays.ex6_reshape import reshape, reshape_rule  # all your own
from ch4_arrays.ex10_tensor import backward, record
from ch5_losses.ex5_cross_entropy import cross_entropy, cross_entropy_rule
from ch6_learning.ex2_batches import mini_batches
from ch6_learning.ex4_adam import adam_step
from ch9_gpt.ex1_gpt import gpt


def loss_of(p, texts, heads):
    logits = gpt(p, ...)  # TODO
    flat = record(reshape, reshape_rule, logits, shape=(-1, logits.data.shape[-1]))
    return ...  # TODO


def train(p, parameters, texts, heads, epochs, lr=0.01, seed=0):
    rng = np.random.default_rng(seed)
    state = [[np.zeros_like(q.data), np.zeros_like(q.data)] for q in parameters]
    losses, t = [], 0
    for _ in range(epochs):
        for batch in mini_batches(len(texts), 32, rng):
            t += 1
            loss = loss_of(p, texts[batch], heads)
            ...  # TODO: as in 6.5
            losses.append(float(loss.data))
    return losses
