"""normalize and cosine_similarity."""

import numpy as np

import nn
import tinygrad_lecture as tl
from numeric import assert_close

F = nn.functional


def vectors(seed):
    return tl.tensor(np.random.default_rng(seed).normal(size=(3, 4)) + 0.01)


def test_gradients_are_right():
    assert tl.gradcheck(lambda x: F.normalize(x), [vectors(1)])
    assert tl.gradcheck(lambda x, y: F.cosine_similarity(x, y, dim=-1), [vectors(1), vectors(2)])


def test_unit_length_and_cosine():
    x = vectors(1)
    assert_close(F.normalize(x, dim=1).norm(axis=1).numpy(), np.ones(3), "length", 1e-12)
    assert_close(F.cosine_similarity(x, x * 3).numpy(), np.ones(3), "similarity of the same direction", 1e-12)
    assert F.cosine_similarity(tl.tensor([[3.0, 0.0]]), tl.tensor([[0.0, 2.0]])).tolist() == [0]
    assert F.normalize(tl.zeros(1, 2)).tolist() == [[0, 0]]


def test_cosine_similarity_broadcasts_before_it_normalises():
    x, y = tl.tensor([[3.0, 0.5, 1.0]], dtype=tl.float64), vectors(1)[:, :3]
    assert_close(F.cosine_similarity(tl.ones(1, 3), tl.ones(4, 3), dim=0).numpy(), np.ones(3), "alike", 1e-6)
    wanted = F.cosine_similarity(x.expand(3, 3).clone(), y, dim=0)
    assert_close(F.cosine_similarity(x, y, dim=0).numpy(), wanted.numpy(), "similarity", 1e-12)
    assert tl.gradcheck(lambda x, y: F.cosine_similarity(x, y, dim=0), [x, y])
