"""Where PyTorch raises RuntimeError, `except RuntimeError` works here too."""

import pytest

import tinygrad_lecture as tl

VALUES = {
    "matmul": lambda: tl.ones(2, 3) @ tl.ones(2, 3),
    "broadcast": lambda: tl.ones(2) + tl.ones(3),
    "reshape": lambda: tl.ones(4).view(3, 2),
    "cat": lambda: tl.cat([tl.ones(2, 3), tl.ones(2, 4)]),
    "stack": lambda: tl.stack([tl.ones(2), tl.ones(3)]),
    "item": lambda: tl.ones(2).item(),
    "bool": lambda: bool(tl.ones(2)),
    "max of nothing": lambda: tl.ones(0).max(),
    "dot": lambda: tl.dot(tl.ones(2), tl.ones(3)),
    "bmm": lambda: tl.bmm(tl.ones(2, 3), tl.ones(2, 3)),
    "upstream": lambda: tl.ones(2, requires_grad=True).exp().backward(tl.ones(3)),
    "negative size": lambda: tl.zeros(-1),
    "device": lambda: tl.ones(2).to("nowhere"),
    "grad": lambda: setattr(tl.ones(2), "grad", tl.ones(3)),
}
DTYPES = {"requires_grad of integers": lambda: tl.tensor([1, 2], requires_grad=True)}


@pytest.mark.parametrize(
    ("call", "kind"), [*((c, ValueError) for c in VALUES.values()), *((c, TypeError) for c in DTYPES.values())]
)
def test_an_error_is_of_both_kinds(call, kind):
    with pytest.raises(kind) as caught:
        call()
    assert isinstance(caught.value, RuntimeError)
    assert type(caught.value).__module__ == "tinygrad_lecture"
