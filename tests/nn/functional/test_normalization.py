"""layer_norm and rms_norm: the default eps, and shapes that do not fit."""

import numpy as np
import pytest

import nn
import tinygrad_lecture as tl

F = nn.functional


def test_the_default_eps_of_rms_norm_is_machine_epsilon():
    for dtype in (tl.float32, tl.float64):
        eps = np.finfo(dtype).eps
        x = tl.full((1,), float(np.sqrt(eps)), dtype=dtype)
        assert F.rms_norm(x, 1).item() == pytest.approx(1 / np.sqrt(2))
        assert F.rms_norm(x, (1,), eps=3 * eps).item() == pytest.approx(1 / 2)


def test_nothing_is_broadcast():
    x = tl.zeros(2, 3)
    for f in (F.layer_norm, F.rms_norm):
        with pytest.raises(ValueError, match=rf"{f.__name__}: wanted \(\.\.\., 4\), got \(2, 3\)"):
            f(x, 4)
        with pytest.raises(ValueError, match=r"wanted \(\.\.\., 1, 2, 3\), got \(2, 3\)"):
            f(x, (1, 2, 3))
        with pytest.raises(ValueError, match=r"normalized shape, \(3,\), not \(1,\)"):
            f(x, 3, tl.ones(1))
        with pytest.raises(ValueError, match=r"normalized shape, \(2, 3\), not \(3,\)"):
            f(x, (2, 3), tl.ones(3))
