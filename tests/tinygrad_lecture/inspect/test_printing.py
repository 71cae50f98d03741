"""How a tensor is printed, with the extra parity the same text as PyTorch's; and its grad_fn."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

import tinygrad_lecture as tl
from tinygrad_lecture.inspect.printing import PrintOptions, options
from tinygrad_lecture.pytorch_methods import GradFn


@pytest.fixture(autouse=True)
def _default_options():
    yield
    vars(options).update(vars(PrintOptions()))


def test_options():
    x = tl.tensor([1.23456, 1000.5])
    tl.set_printoptions(precision=2)
    assert repr(x) == "tensor([   1.23, 1000.50])"
    tl.set_printoptions(sci_mode=True)
    assert repr(x) == "tensor([1.23e+00, 1.00e+03])"
    tl.set_printoptions(edgeitems=2, threshold=5)
    assert repr(tl.arange(6)) == "tensor([0, 1,  ..., 4, 5])"


# --- grad_fn: the step that backward starts with, and those that follow --------------------------------------


def test_a_leaf_has_none_and_a_result_its_op():
    w = tl.ones(2, requires_grad=True)
    assert w.grad_fn is None
    assert tl.ones(2).grad_fn is None
    y = (w * 2).sum()
    assert repr(y.grad_fn) == "<sum>"
    ((product, index),) = y.grad_fn.next_functions
    assert (product.name(), index) == ("mul", 0)
    (leaf, _), (constant, _) = product.next_functions
    assert (leaf.name(), leaf.next_functions, constant) == ("leaf", (), None)
    assert y.grad_fn == y.grad_fn
    assert tl.log_softmax(w, 0).grad_fn.name() == "log_softmax"
    assert w[0].grad_fn.name() == "x[index]"


def test_after_backward_a_record_leads_nowhere():
    w = tl.ones(2, requires_grad=True)
    y = (w * w).sum()
    step = y.grad_fn.next_functions[0][0]
    y.backward()
    assert step.next_functions == ()
    assert step.name() == "mul"


# --- against PyTorch ----------------------------------------------------------------------------------------

sizes = st.lists(st.sampled_from([0, 1, 2, 3, 7, 8, 30]), max_size=3).map(tuple)
kinds = st.sampled_from(["normal", "whole", "special", "wide", "few", "int64", "int16", "bool"])


def values_of(kind, shape, exponent, seed):
    random = np.random.default_rng(seed)
    x = random.normal(size=shape) * 10.0**exponent
    match kind:
        case "whole":
            return np.round(x)
        case "special":
            return np.where(random.random(shape) < 0.3, random.choice([np.nan, np.inf, -np.inf, 0, -0.0], shape), x)
        case "wide":
            return x * 10.0 ** random.integers(-5, 5, shape)
        case "few":
            return random.choice([0.0, np.nan, np.inf, -np.inf, 1, -2], shape)
        case "int64" | "int16":
            return random.integers(-(10 ** (abs(exponent) % 5)), 10 ** (abs(exponent) % 5), shape).astype(kind)
        case "bool":
            return random.random(shape) < 0.5
        case _:
            return x


@pytest.mark.parity
@given(
    shape=sizes,
    kind=kinds,
    exponent=st.integers(-6, 8),
    seed=st.integers(0, 99),
    dtype=st.sampled_from(["float32", "float64", "float16"]),
    node=st.sampled_from(["", "leaf", "result"]),
)
def test_a_tensor_is_printed_as_in_pytorch(shape, kind, exponent, seed, dtype, node):
    torch = pytest.importorskip("torch")
    from nn.torch.dialect import grad_fn_name

    options.dtype_prefix = "torch."
    x = np.asarray(values_of(kind, shape, exponent, seed))
    with np.errstate(all="ignore"):
        x = x.astype(dtype) if x.dtype.kind == "f" else x
    theirs, ours = torch.tensor(x), tl.tensor(x)
    if node and x.dtype.kind == "f":
        theirs, ours = theirs.requires_grad_(), ours.requires_grad_()
        if node == "result":
            theirs, ours = theirs * 1, ours * 1
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(GradFn, "name", grad_fn_name)
        assert repr(ours) == repr(theirs)
