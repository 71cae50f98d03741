"""9.1  Your GPT

All parts are there; put them together:

    x = embed(tokens, places, ids)                8.2
    for each block: x = block(x, ...)             8.11
    x = layer_norm(x)                             8.3, with gain and bias of p
    logits = x @ W_U                              the scores for each next token

ids: an array (batch, n).  p: a dict with Tensors tokens, places, gain, bias, W_U, and
`blocks`, a list of dicts for 8.11.  Returns a Tensor (batch, n, vocabulary).
"""

from ch4_arrays.ex9_batched import matmul, matmul_rule  # all your own
from ch4_arrays.ex10_tensor import record
from ch8_transformer.ex2_embed import embed, embed_rule
from ch8_transformer.ex3_layer_norm import layer_norm, layer_norm_rule
from ch8_transformer.ex11_block import block


def gpt(p, ids, heads):
    x = ...  # TODO
    for q in p["blocks"]:
        ...  # TODO
    x = ...  # TODO
    return ...  # TODO
