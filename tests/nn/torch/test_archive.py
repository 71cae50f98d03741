"""torch.save and torch.load: what comes back, what is refused, and that a file is whole or not there."""

import argparse
import dataclasses
import io
import json
import pickle
import random
import subprocess
import sys
from collections import OrderedDict, deque
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import nn
import nn.torch as torch
import tinygrad_lecture as tl
from nn.torch.archive import KEY

safetensors = pytest.importorskip("safetensors.numpy")

plain = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
keys = st.text() | st.integers() | st.none() | st.tuples(st.integers())
values = st.recursive(
    plain | st.sampled_from([tl.float32, tl.int64]),
    lambda inner: (
        st.lists(inner) | st.tuples(inner) | st.dictionaries(keys, inner) | st.sets(st.integers(), max_size=1)
    ),
)


def kept(value, **settings):
    """A value that was saved and loaded."""
    file = io.BytesIO()
    torch.save(value, file)
    file.seek(0)
    return torch.load(file, **settings)


@settings(max_examples=25)
@given(values)
def test_nested_values_come_back(value):
    assert repr(kept(value)) == repr(value)  # also of nan


@dataclasses.dataclass
class Config:
    width: int = 8
    rates: tuple[float, ...] = (0.1, 0.2)


def test_settings_and_states_of_a_program_come_back():
    checkpoint = kept(
        {
            "config": Config(),
            "args": argparse.Namespace(lr=0.1, **{"$odd": 1}),
            "iter": 7,
            "best": tl.tensor(float("inf")),
            "states": (random.getstate(), np.random.get_state(), tl.get_rng_state()),
            "stoi": OrderedDict(a=0, b=1),
        }
    )
    assert checkpoint["config"].width == 8 and checkpoint["config"].rates == (0.1, 0.2)
    assert checkpoint["args"].lr == 0.1 and vars(checkpoint["args"])["$odd"] == 1
    assert type(checkpoint["stoi"]) is OrderedDict and checkpoint["iter"] == 7 and checkpoint["best"].item() == np.inf
    random.setstate(checkpoint["states"][0])
    np.random.set_state(checkpoint["states"][1])


def test_tensors_and_arrays_keep_what_they_are():
    layer = nn.Linear(2, 2)
    loss = (layer.weight * 2).sum()
    weight, leaf, after, array = kept(
        [layer.weight, tl.ones(2, requires_grad=True), loss, np.arange(6).reshape(2, 3).T]
    )
    assert isinstance(weight, nn.Parameter) and weight.tolist() == layer.weight.tolist()
    assert leaf.requires_grad and after.requires_grad and after.is_leaf and after.item() == loss.item()
    assert isinstance(array, np.ndarray) and array.tolist() == [[0, 3], [1, 4], [2, 5]]
    array[0, 0] = 9  # a copy of its own
    for x in (tl.zeros(0, 3), tl.tensor(True), tl.tensor(2.5).half(), tl.arange(6).reshape(2, 3).T):
        assert kept(x).tolist() == x.tolist() and kept(x).dtype == x.dtype and kept(x).shape == x.shape


def test_tied_tensors_are_stored_once_and_loaded_tied(tmp_path):
    class Tied(nn.Module):
        def __init__(self):
            self.embedding, self.head = nn.Embedding(100, 64), nn.Linear(64, 100, bias=False)
            self.head.weight = self.embedding.weight

    torch.save(Tied().state_dict(), tmp_path / "tied.pt")
    assert (tmp_path / "tied.pt").stat().st_size < 1.1 * 100 * 64 * 4
    state = torch.load(tmp_path / "tied.pt")
    state["head.weight"][0, 0] = 7
    assert state["embedding.weight"][0, 0].item() == 7
    assert Tied().load_state_dict(state) == ([], [])
    assert list(nn.weights.load_file(tmp_path / "tied.pt")) == ["embedding.weight"]  # plain safetensors


def test_a_map_location_moves_the_tensors():
    for here in ("cpu", torch.device("cpu"), {"cuda:0": "cpu"}, lambda storage, location: None):
        assert kept(tl.ones(2), map_location=here).device == "cpu"
    for there in ("strict", {"cpu": "strict"}, lambda storage, location: storage.to("strict")):
        assert kept({"x": tl.ones(2)}, map_location=there)["x"].device == "strict"


class Net(nn.Module):
    def __init__(self):
        raise AssertionError("a module is loaded without a call of its __init__")

    def forward(self, x):
        return self.again(self.activation(self.first(x)))


def test_a_whole_model_comes_back():
    net = Net.__new__(Net)
    net.first, net.activation, net.config = nn.Linear(2, 2), nn.functional.relu, {"width": (2, 2)}
    net.device, net.norm = tl.device("cpu"), nn.BatchNorm1d
    net.again, net.layers = net.first, nn.ModuleList([nn.Linear(2, 2), nn.GRU(2, 3), nn.MSELoss()])
    net.layers[0].weight = net.first.weight
    net.register_buffer("mask", tl.ones(2), persistent=False)
    net.eval()
    loaded, same = kept([net, net])
    assert type(loaded) is Net and same is loaded and not loaded.training and repr(loaded) == repr(net)
    assert loaded.device.type == "cpu" and loaded.norm is nn.BatchNorm1d
    assert loaded.again is loaded.first and loaded.layers[0].weight is loaded.first.weight
    assert loaded.config == net.config and loaded.mask.tolist() == [1, 1] and "mask" not in loaded.state_dict()
    assert loaded(tl.ones(1, 2)).tolist() == net(tl.ones(1, 2)).tolist()
    assert len(list(loaded.parameters())) == len(list(net.parameters()))
    assert kept(net.layers).state_dict().keys() == net.layers.state_dict().keys()


@pytest.mark.parametrize("name", ["os.system", "builtins.dict", "nn.module.module.Module", "__main__.Gone"])
def test_only_classes_of_modules_that_there_are_are_made(name):
    for value in ({"$module": [0, name, {}]}, {"$class": name}):
        file = io.BytesIO(safetensors.save({}, {KEY: json.dumps(value)}))
        with pytest.raises(ImportError, match=f"the class {name} is needed; import it, or define it, before"):
            torch.load(file)


# --- refused --------------------------------------------------------------------------------------------

hooked = nn.Linear(2, 2)
hooked.register_forward_hook(print)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (hooked, r"a Linear with hooks cannot be saved.*save its state_dict\(\)"),
        ({"o": [nn.optim.SGD([tl.ones(1, requires_grad=True)], 0.1)]}, r"an SGD at o\.0 cannot.*state_dict"),
        ({"a": [{"f": len}]}, r"at a\.0\.f cannot be saved"),
        (deque([1]), r"a deque cannot be saved.*save list\(it\)"),
        (Path("x"), r"cannot be saved.*save str\(it\)"),
    ],
)
def test_what_is_not_data_is_refused_and_nothing_is_written(value, message, tmp_path):
    with pytest.raises(TypeError, match=message):
        torch.save(value, tmp_path / "file.pt")
    file = io.BytesIO()
    with pytest.raises(TypeError):
        torch.save(value, file)
    assert not file.getvalue() and not list(tmp_path.iterdir())


def test_a_truncated_file_is_refused_at_any_length():
    file = io.BytesIO()
    torch.save({"x": tl.arange(8), "y": [1, "two"]}, file)
    whole = file.getvalue()
    for length in range(0, len(whole), 7):
        with pytest.raises(ValueError, match="the file is not a safetensors file, or is incomplete"):
            torch.load(io.BytesIO(whole[:length]))


@pytest.mark.parametrize(
    "text",
    ["", "{", "[1,", "[" * 100_000, '{"$tensor": ["b", false]}', '{"$tensor": 5}', '{"$tensor": []}',
     '{"$parameter": ["i", true]}', '{"$dtype": "manual_seed"}', '{"$dtype": {"a": 1}}', '{"$tuple": 5}',
     '{"$set": [[1]]}', '{"$dict": [[[1], 2]]}', '{"$dict": [1]}', '{"$call": ["os.system", "true"]}',
     '{"$module": [7]}', '{"$module": 5}', '{"$module": [0, ["a"], {}]}', '{"$function": "system"}',
     '{"$module": [0, "nn.linear.Linear", 5]}', '{"$class": ["a"]}', '{"$device": "a b"}',
     '{"$tuple": [], "x": 1}', '{"$namespace": 1}', '{"$tensor": [["x"], false]}'],
)  # fmt: skip
def test_a_file_that_was_tampered_with_is_refused(text):
    arrays = {"x": np.ones(2, np.float32), "i": np.arange(2)}
    with pytest.raises(ValueError, match=r"the file is (damaged|not valid JSON|JSON, but nested)"):
        torch.load(io.BytesIO(safetensors.save(arrays, {KEY: text})))


@pytest.mark.parametrize("protocol", [2, 5])
def test_a_pickle_is_refused_with_the_way_to_convert_it(tmp_path, protocol):
    (tmp_path / "old.pt").write_bytes(pickle.dumps({"a": 1}, protocol=protocol))
    for file in (tmp_path / "old.pt", io.BytesIO((tmp_path / "old.pt").read_bytes())):
        with pytest.raises(ValueError, match=r"may contain code.*safetensors\.torch\.save_file"):
            torch.load(file)


@pytest.mark.parity
def test_a_file_of_pytorch_is_converted_as_the_refusal_says(tmp_path):
    original = pytest.importorskip("torch")
    tied = original.randn(2, 3)
    original.save({"a": tied, "b": tied, "c": tied.T}, tmp_path / "model.pt")
    with pytest.raises(ValueError, match="Convert it where PyTorch is: ") as refused:
        torch.load(tmp_path / "model.pt")
    code = str(refused.value).partition("Convert it where PyTorch is: ")[2].partition("; of a checkpoint")[0]
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
    loaded = torch.load(tmp_path / "weights.safetensors")
    assert loaded["a"].tolist() == loaded["b"].tolist() == loaded["c"].T.tolist() == tied.tolist()


def test_a_model_is_not_pickled_and_a_value_that_contains_itself_not_saved():
    with pytest.raises(TypeError, match=r"cannot be pickled.*nn\.weights\.save_file"):
        pickle.dumps(nn.Linear(2, 2))
    value = {}
    value["self"] = value
    with pytest.raises(ValueError, match="contains itself"):
        torch.save(value, io.BytesIO())
