"""The names of nn.functional."""

import nn
import tinygrad_lecture as tl

F = nn.functional


def test_the_engines_ops_are_reexported():
    assert all(hasattr(F, name) for name in F.__all__)
    assert F.softmax is tl.softmax
