"""nn.torch as a module: constructors, dtypes, the machine, derivatives, lazy layers."""

import copy
import pickle
import re
import sys
import warnings

import numpy as np
import pytest
from hypothesis import given, strategies as st

import nn
import nn.torch as torch
import tinygrad_lecture as tl
from nn.torch.layers import pack_padded_sequence, pad_packed_sequence
from nn.utils.rnn import pad_sequence
from tinygrad_lecture.errors import warn_once
from tinygrad_lecture.func.gradients import leaves


def test_tensor_takes_data_or_sizes():
    assert torch.Tensor([1, 2]).dtype == tl.float32
    assert torch.Tensor(3).shape == torch.Tensor(np.int64(3)).shape == (3,)
    assert torch.Tensor().shape == (0,)
    assert torch.LongTensor([1]).dtype == tl.int64
    assert isinstance(tl.ones(2), torch.Tensor)
    assert isinstance(torch.LongTensor([1]), torch.LongTensor)
    assert not isinstance(torch.ones(1), torch.LongTensor)


def test_a_size_is_a_shape_and_not_data():
    size, x = torch.Size([2, 3]), torch.ones(1, dtype=torch.int64)
    makes = (torch.Tensor, torch.FloatTensor, torch.LongTensor, x.new)
    assert {make(size).shape for make in makes} == {(2, 3)} and torch.Tensor(torch.Size([])).shape == ()
    assert x.new(size).dtype == tl.int64 and x.new([2, 3]).tolist() == torch.tensor(size).tolist() == [2, 3]
    for make in (torch.Tensor, torch.LongTensor, x.new):  # after an import shapes are plain tuples
        with pytest.raises(TypeError, match=r"torch.empty\(\(2, 3\)\) for .* shape, torch.tensor\(\(2, 3\)\) for"):
            make(tl.ones(2, 3).shape)


def test_settings_of_a_machine_change_nothing():
    model = nn.Linear(2, 2)
    assert torch.compile(model) is model
    assert torch.compile(mode="default")(model) is model
    with torch.autocast("cuda", dtype=torch.bfloat16, enabled=False):
        assert model(tl.ones(1, 2)).dtype == tl.float32
    assert not torch.cuda.amp.GradScaler().is_enabled()
    assert torch._dynamo.allow_in_graph(len) is len  # as einops asks
    assert torch.cuda.device_count() == 0 or torch.cuda.is_available()


def test_what_is_not_done_is_said_once(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)  # not installed
    warn_once.cache_clear()
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        for _ in range(2):
            with torch.autocast("cuda", dtype=torch.bfloat16):
                assert tl.ones(2).to(torch.bfloat16).dtype == tl.ones(2).bfloat16().dtype == tl.float32
            with torch.utils.tensorboard.SummaryWriter("nowhere") as writer:
                writer.add_scalar("loss", tl.tensor(1.0), 1)
    words = ("autocast: there is no mixed", "torch.bfloat16 is not here", "SummaryWriter writes nothing without")
    assert len(said) == 3 and all(str(w.message).startswith(word) for w, word in zip(said, words, strict=True))
    warn_once.cache_clear()


def test_a_dtype_is_numpys_under_another_name():
    assert repr(torch.float32) == str(torch.float) == "torch.float32"
    x = torch.zeros(2, dtype=torch.float64)
    assert x.dtype == torch.float64 == np.float64 != torch.float32
    assert {torch.int64: 1}[torch.arange(3).dtype] == 1
    assert isinstance(x.dtype, torch.dtype) and isinstance(torch.bool, torch.dtype)
    assert (torch.int8.is_floating_point, torch.half.is_floating_point, torch.uint8.is_signed) == (False, True, False)
    assert torch.float16.itemsize == 2
    assert pickle.loads(pickle.dumps(torch.int32)) == torch.int32


def test_what_a_script_sets_and_catches():
    net = torch.nn.Module()
    listed, net.b = torch.nn.ParameterList, torch.nn.Buffer(tl.ones(2))
    net.p = listed([listed([tl.ones(1)]), tl.ones(1)])
    net.p[1]._no_weight_decay = True
    assert list(net.state_dict()) == ["b", "p.1", "p.0.0"] and copy.deepcopy(net).p[1]._no_weight_decay
    with pytest.raises(AttributeError, match=r"^torch\.Tensor\.storage is not here, because a tensor has no storage"):
        net.b.storage()


CASES = {
    "jacobian": "A.jacobian(lambda x: x.sum(0) ** 2, x)",
    "hessian of a tuple": "A.hessian(lambda x, y: (x * y ** 2).sum(), (x, y))",
}


def found(library, case):
    x = np.array([[0.5, -1.0, 2.0], [1.5, 0.3, -0.7]])
    names = {"A": library.autograd.functional, "x": library.tensor(x), "y": library.tensor(x[::-1] + 1)}
    return leaves(eval(CASES[case], names))


@pytest.mark.parity
@pytest.mark.parametrize("case", CASES)
def test_functional_gives_what_pytorch_gives(case):
    reference = pytest.importorskip("torch")
    for a, b in zip(found(reference, case), found(torch, case), strict=True):
        assert b.shape == a.shape
        np.testing.assert_allclose(b.numpy(), a.numpy(), rtol=1e-12)


@pytest.mark.filterwarnings("ignore:invalid value")
def test_anomalies_are_found_from_a_call_on_until_another():
    x = tl.tensor(-1.0, requires_grad=True)
    try:
        torch.autograd.set_detect_anomaly(True)
        with pytest.raises(RuntimeError, match="sqrt made the first nan"):
            x.sqrt()
    finally:
        torch.autograd.set_detect_anomaly(False)
    assert x.sqrt().isnan()
    with torch.autograd.set_detect_anomaly(True), pytest.raises(RuntimeError, match="nan"):
        x.sqrt()
    assert x.sqrt().isnan()


# --- lazy layers ----------------------------------------------------------------------------------------------


def test_nothing_is_written_or_counted_before_the_first_input():
    layer = torch.nn.LazyLinear(2)
    for write in (nn.init.normal_, nn.init.zeros_, lambda p: p.numel()):
        with pytest.raises(tl.TensorError, match=r"<UninitializedParameter> has no numbers before .* call"):
            write(layer.weight)
    with pytest.raises(ValueError, match=r"has no numbers before"):
        layer.load_state_dict(torch.nn.LazyLinear(2).state_dict())
    with pytest.raises(ValueError, match="out_features must be at least 1"):
        torch.nn.LazyLinear(0)


LAZY = {
    "LazyLinear(2, bias=False)": (4,), "LazyConv1d(4, 2, groups=2)": (3, 2, 5), "LazyConv2d(4, (2, 1))": (2, 5, 5),
    "LazyConvTranspose1d(2, 3, 2)": (3, 2, 4), "LazyConvTranspose2d(2, 3, bias=False)": (1, 2, 3, 3),
    "LazyBatchNorm1d()": (4, 3), "LazyBatchNorm2d(0.1)": (2, 3, 2, 2),
}  # fmt: skip


@pytest.mark.parity
@pytest.mark.parametrize("text", LAZY)
def test_a_lazy_layer_is_pytorchs(text):
    """Before and after its first input, or weights from another's state, which wait for no input."""
    reference = pytest.importorskip("torch")
    from torch_parity import agree, close

    x = np.random.default_rng(0).normal(size=LAZY[text]).astype("float32")
    ours, theirs, loaded = (eval(f"nn.{text}", {"nn": library.nn}) for library in (torch, reference, torch))
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert [repr(p) for p in ours.parameters()] == [repr(p) for p in theirs.parameters()]
    ours(tl.tensor(x)), theirs(reference.tensor(x))
    assert repr(ours).split("bias")[0] == repr(theirs).split("bias")[0]
    loaded.load_state_dict(theirs.state_dict())
    ours.load_state_dict(theirs.state_dict())
    for module in (ours, loaded, theirs):
        module.eval()
    agree(ours, theirs, x, dtype="float32")
    close(loaded(tl.tensor(x)), theirs(reference.tensor(x)), text, "float32")


# --- packed sequences -----------------------------------------------------------------------------------------

lengths_of = st.lists(st.integers(1, 4), min_size=1, max_size=4)


def sequences(lengths, *shape):
    return [tl.tensor(np.random.default_rng(i).normal(size=(n, *shape))) for i, n in enumerate(lengths)]


@given(lengths_of, st.booleans(), st.sampled_from([(), (2,), (2, 3)]))
def test_what_is_packed_comes_back(lengths, batch_first, shape):
    given = sequences(lengths, *shape)
    packed = pack_padded_sequence(pad_sequence(given, batch_first), lengths, batch_first, enforce_sorted=False)
    assert len(packed.data) == sum(lengths) == packed.batch_sizes.sum().item()
    batch, counts = pad_packed_sequence(packed, batch_first, padding_value=-1.0)
    assert counts.tolist() == lengths
    assert batch.tolist() == pad_sequence(given, batch_first, -1.0).tolist()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: pack_padded_sequence(x, [2, 3]), "lengths [2, 3] are not sorted; write enf"),
        (lambda x: pack_padded_sequence(x, [3]), "there must be 2 lengths, one or more, from 1 to 3, not [3]"),
        (lambda x: pack_padded_sequence(x, [2, 2, 1]), "not [2, 2, 1]; is batch_first right?"),
        (lambda x: pack_padded_sequence(x[0, 0], [2]), "input must have shape (steps, batch, ...), not (4,)"),
        (lambda x: pad_packed_sequence(pack_padded_sequence(x, [3, 1]), total_length=2), "total_length 2 is below th"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named(call, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call(tl.ones(3, 2, 4))
