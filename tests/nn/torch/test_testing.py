"""torch.testing.assert_close, and torch.random."""

import pytest

import nn.torch as torch
import tinygrad_lecture as tl

assert_close = torch.testing.assert_close


def test_what_is_close_passes():
    assert_close(tl.ones(2), tl.ones(2) * (1 + 1e-6))
    assert_close([tl.ones(2), 1.0], [tl.ones(2), 1.0])
    assert_close({"a": tl.arange(2)}, {"a": tl.arange(2)})
    assert_close(tl.ones(2), tl.ones(2) + 0.1, rtol=0, atol=0.2)
    assert_close(tl.tensor(float("nan")), tl.tensor(float("nan")), equal_nan=True)
    assert_close(tl.ones(2), tl.ones(2, dtype=tl.float64), check_dtype=False)


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        (tl.ones(2), tl.ones(2) * 1.001, "Mismatched elements: 2 / 2"),
        (tl.ones(2), tl.ones(3), "'shape' do not match"),
        (tl.ones(2), tl.ones(2, dtype=tl.float64), "'dtype' do not match"),
        (tl.arange(2), tl.arange(2) + 1, "not close"),
        (1.0, 1.1, "not close"),
        ([1.0], [1.0, 2.0], "length"),
        ({"a": 1.0}, {"b": 1.0}, "keys"),
        (tl.tensor(float("nan")), tl.tensor(float("nan")), "not close"),
    ],
)
def test_what_differs_is_said(a, b, message):
    with pytest.raises(AssertionError, match=message):
        assert_close(a, b)


def test_a_message_of_ones_own():
    with pytest.raises(AssertionError, match=r"^never$"):
        assert_close(1.0, 2.0, msg="never")


def test_seeds_and_states():
    generator = torch.manual_seed(5)
    assert torch.initial_seed() == generator.initial_seed() == 5
    state = torch.get_rng_state()
    first = torch.rand(3, generator=generator)
    torch.set_rng_state(state)
    assert torch.rand(3).equal(first)
    with torch.random.fork_rng():
        inside = torch.rand(2)
    assert torch.rand(2).equal(inside)
    assert torch.seed() == torch.initial_seed()
