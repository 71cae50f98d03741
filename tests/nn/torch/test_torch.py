"""nn.torch as a module: constructors, files, loaders, courtesies."""

import io
import pickle

import pytest

import nn
import nn.torch as torch
import tinygrad_lecture as tl


def test_tensor_takes_data_or_sizes():
    assert torch.Tensor([1, 2]).dtype == tl.float32
    assert torch.Tensor(3).shape == (3,)
    assert torch.LongTensor([1]).dtype == tl.int64
    assert isinstance(tl.ones(2), torch.Tensor)
    assert isinstance(torch.LongTensor([1]), torch.LongTensor)
    assert not isinstance(torch.ones(1), torch.LongTensor)


def test_nested_values_are_saved_and_loaded(tmp_path):
    value = {"a": [1, 2.5, "x", None, True], 3: (tl.arange(3), {"b": tl.ones(2, 2)}), "$t": {1, 2}}
    for target in (tmp_path / "file.pt", io.BytesIO()):
        torch.save(value, target)
        if isinstance(target, io.BytesIO):
            target.seek(0)
        loaded = torch.load(target, map_location="cpu", weights_only=True)
        assert loaded["a"] == value["a"] and loaded["$t"] == {1, 2}
        assert loaded[3][0].tolist() == [0, 1, 2] and loaded[3][1]["b"].shape == (2, 2)


def test_a_whole_model_is_refused_and_its_state_dict_named(tmp_path):
    with pytest.raises(TypeError, match=r"a Linear cannot be saved.*state_dict"):
        torch.save(nn.Linear(2, 2), tmp_path / "model.pt")


def test_a_pickle_is_refused_with_the_way_to_convert_it(tmp_path):
    (tmp_path / "old.pt").write_bytes(pickle.dumps({"a": 1}, protocol=2))
    with pytest.raises(ValueError, match=r"safetensors\.torch\.save_file"):
        torch.load(tmp_path / "old.pt")


def test_courtesies_change_nothing():
    model = nn.Linear(2, 2)
    assert torch.compile(model) is model
    assert torch.compile(mode="default")(model) is model
    with torch.autocast("cuda", dtype=torch.bfloat16):
        assert model(tl.ones(1, 2)).dtype == tl.float32
    assert not torch.cuda.amp.GradScaler().is_enabled()
    assert torch.cuda.device_count() == 0 or torch.cuda.is_available()


def test_a_loader_excludes_a_sampler_and_shuffle():
    with pytest.raises(ValueError, match="shuffle must be False"):
        torch.utils.data.DataLoader([1, 2], sampler=[0, 1], shuffle=True)


def test_a_changed_saved_tensor_of_a_function_is_found():
    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, g):
            return 2 * ctx.saved_tensors[0] * g

    x = tl.ones(2, requires_grad=True) * 1
    y = Square.apply(x).sum()
    x.inplace()[...] = 5
    with pytest.raises(RuntimeError, match="Square saved for backward was changed in place"):
        y.backward()


def test_base_classes_of_layers_are_where_pytorch_has_them():
    assert isinstance(nn.ConvTranspose1d(1, 1, 1), torch.nn.modules.conv._ConvNd)
    assert isinstance(nn.BatchNorm1d(1), torch.nn.modules.batchnorm._BatchNorm)
    assert torch.nn.modules.batchnorm.BatchNorm2d is nn.BatchNorm2d
