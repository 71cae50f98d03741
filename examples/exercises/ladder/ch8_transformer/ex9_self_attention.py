"""8.9  Self-attention, on your engine

Now with Tensors: everything is recorded, and your backward differentiates it.

    q, k, v = x @ W_Q, x @ W_K, x @ W_V        (batch, n, width) each
    split each into heads, attend with the causal mask, merge
    out = merged @ W_O                         here the heads talk to each other

x: a Tensor (batch, n, width).  p: a dict with Tensors W_Q, W_K, W_V, W_O, each
(width, width).  Returns a Tensor (batch, n, width).
"""

from ch4_arrays.ex9_batched import matmul, matmul_rule  # all your own
from ch4_arrays.ex10_tensor import record
from ch8_transformer.ex5_mask import causal_mask
from ch8_transformer.ex6_attention import attention
from ch8_transformer.ex7_attention_rule import attention_rule
from ch8_transformer.ex8_heads import merge_heads, merge_rule, split_heads, split_rule


def self_attention(x, p, heads):
    def project(W):
        return record(split_heads, split_rule, record(matmul, matmul_rule, x, W), heads=heads)

    mask = causal_mask(x.data.shape[-2])
    attended = ...  # TODO
    merged = ...  # TODO
    return ...  # TODO
