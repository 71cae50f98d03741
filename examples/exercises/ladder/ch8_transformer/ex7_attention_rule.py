"""8.7  The rule of attention

Go back through the three steps with the rules that you have. With w the weights:

    out = w @ v                        matmul_rule gives the gradients of w and v
    w = softmax(scores)                softmax_rule needs the scores
    scores = q @ k^T / sqrt(d)         matmul_rule again; then k^T back to k, and 1 / sqrt(d)

Where the mask gave -inf, the weight is 0, and so is the gradient of the score: with
p * (g - s), softmax_rule gives this by itself. Pass it the masked scores.

Returns three gradients, of q, k and v.
"""

import numpy as np
from ch4_arrays.ex9_batched import matmul_rule  # your own
from ch5_losses.ex3_softmax_rule import softmax_rule
from ch8_transformer.ex5_mask import masked
from ch8_transformer.ex6_attention import attention_weights


def attention_rule(g, q, k, v, mask=None):
    root = np.sqrt(q.shape[-1])
    k_T = k.swapaxes(-1, -2)
    scores = q @ k_T / root
    if mask is not None:
        scores = masked(scores, mask)
    grad_w, grad_v = ...  # TODO
    grad_scores = ...  # TODO
    ...  # TODO: grad_q and grad_k
    return grad_q, grad_k, grad_v
