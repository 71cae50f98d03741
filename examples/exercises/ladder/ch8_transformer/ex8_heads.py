"""8.8  Heads, split and merged

One head looks for one kind of relation. Several look at once, each in its own part of
the vector: width 8 with 2 heads is twice a size of 4.

    split   (..., n, width) -> (..., n, heads, size) -> (..., heads, n, size)
    merge   the way back

First a reshape, then a swap of two axes; a reshape alone would mix up tokens and heads.
They only move numbers. So the rule of split is merge, and the rule of merge is split.
"""


def split_heads(x, heads):
    *batch, n, width = x.shape
    return ...  # TODO


def merge_heads(x):
    *batch, heads, n, size = x.shape
    return ...  # TODO


def split_rule(g, x, heads):
    return ...  # TODO


def merge_rule(g, x):
    return ...  # TODO
