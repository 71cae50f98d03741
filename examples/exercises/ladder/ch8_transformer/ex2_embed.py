"""8.2  Embedding: a vector for each token, and for each place

A token's vector is a row of a table: a lookup. "bank" has the same row wherever it
stands. Another table says where: row 0 for the first place, row 1 for the second, ...
Both are added.

    x[b, t] = tokens[ids[b, t]] + places[t]

Backward, each token's gradient goes to its row, added up over repeats (your 4.7). A place
is used by every text of the batch; places that no token stands at get 0.

ids: (batch, n).  tokens: (vocabulary, width).  places: (context, width), context >= n.
embed returns (batch, n, width), embed_rule the gradients of tokens and of places.
"""

import numpy as np
from ch4_arrays.ex7_take import take_rule  # your own


def embed(tokens, places, ids):
    return ...  # TODO


def embed_rule(g, tokens, places, ids):
    grad_places = np.zeros_like(places)
    ...  # TODO
    return take_rule(g, tokens, ids), grad_places
