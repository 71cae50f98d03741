"""Weights in safetensors files: what is loaded equals what was saved; other files are refused."""

import json
import sys

import numpy as np
import pytest

import nn
import tinygrad_lecture as tl
from nn import weights

safetensors = pytest.importorskip("safetensors")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "weights.safetensors"


def test_a_model_is_saved_and_loaded(path):
    model, other = nn.MLP([3, 4, 2]), nn.MLP([3, 4, 2])
    weights.save_file(model.state_dict(), path, {"note": "hello"})
    other.load_state_dict(weights.load_file(str(path)))
    x = tl.randn(5, 3)
    assert other(x).tolist() == model(x).tolist()
    assert weights.load_metadata(path) == {"note": "hello"}


def test_equal_weights_and_metadata_make_equal_files(tmp_path):
    words = {f"word {i}": 'text with "signs", ümläuts,\n\x1f and 漢' for i in range(8)}
    tensors = nn.Linear(3, 2).state_dict()
    files = set()
    for i in range(4):
        weights.save_file(tensors, tmp_path / str(i), dict(reversed(words.items())) if i % 2 else words)
        assert weights.load_metadata(tmp_path / str(i)) == words
        files.add((tmp_path / str(i)).read_bytes())
    assert len(files) == 1


def test_dtypes_shapes_and_memory_layouts_are_kept(path):
    tensors = {
        "half": tl.ones(2, dtype=tl.float16),
        "double": tl.randn(2, 3, dtype=tl.float64),
        "turned": tl.randn(4, 3).T,
        "strided": tl.arange(10)[::-3],
        "scalar": tl.tensor(3),
        "flags": tl.tensor([True, False]),
        "empty": tl.zeros(0, 3),
    }
    weights.save_file(tensors, path)
    loaded = weights.load_file(path)
    assert set(loaded) == set(tensors)
    for name, tensor in tensors.items():
        assert (loaded[name].dtype, loaded[name].shape) == (tensor.dtype, tensor.shape)
        np.testing.assert_array_equal(loaded[name].numpy(), tensor.numpy())
    assert weights.load_metadata(path) == {}


def test_an_archive_reads_single_tensors(path):
    weights.save_file({"a": tl.ones(2, 3), "b": tl.arange(4)}, path)
    archive = weights.Archive(path)
    assert (sorted(archive), len(archive), "a" in archive, "c" in archive) == (["a", "b"], 2, True, False)
    assert (archive.shape("a"), archive.dtype("a"), archive.dtype("b")) == ((2, 3), "F32", "I64")
    assert archive["b"].tolist() == [0, 1, 2, 3]
    with pytest.raises(KeyError):
        archive["c"]


def test_a_dtype_that_numpy_lacks_is_named(path):
    header = json.dumps({"w": {"dtype": "F8_E4M3", "shape": [2], "data_offsets": [0, 2]}}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(2))
    with pytest.raises(ValueError, match="w is F8_E4M3, a dtype that NumPy lacks"):
        weights.load_file(path)


def test_a_failed_save_leaves_the_old_file(path):
    weights.save_file({"a": tl.ones(1)}, path)
    with pytest.raises(Exception, match="complex"):
        weights.save_file({"a": tl.tensor(np.ones(2, dtype=np.complex128))}, path)
    assert weights.load_file(path)["a"].tolist() == [1]
    assert list(path.parent.iterdir()) == [path]


def test_missing_files_and_folders_are_named(path):
    with pytest.raises(FileNotFoundError, match=r"there is no file .*weights\.safetensors"):
        weights.load_file(path)
    with pytest.raises(FileNotFoundError, match="is a folder"):
        weights.load_file(path.parent)
    with pytest.raises(FileNotFoundError, match="no folder"):
        weights.save_file({}, path / "deeper" / "file")


def test_without_the_package_it_says_how_to_install_it(path, monkeypatch):
    monkeypatch.setitem(sys.modules, "safetensors", None)
    for call in (lambda: weights.save_file({}, path), lambda: weights.load_file(path)):
        with pytest.raises(ImportError, match="pip install safetensors"):
            call()
