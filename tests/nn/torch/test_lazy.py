"""Lazy layers: one optimiser from the beginning, copies, dtypes, and what is refused before the first input."""

import copy

import pytest

import nn
import nn.torch as torch
import tinygrad_lecture as tl


def test_an_optimizer_made_before_the_first_input_trains_the_layer():
    model = nn.Sequential(torch.nn.LazyLinear(3), torch.nn.LazyBatchNorm1d())
    optimizer = nn.optim.Adam(model.parameters(), lr=0.1)
    before = list(model.parameters())
    (model(tl.randn(4, 5)) ** 3).sum().backward()
    weight = model[0].weight.clone()
    optimizer.step()
    assert [type(layer) for layer in model] == [nn.Linear, nn.BatchNorm1d] and model[0].in_features == 5
    assert all(a is b for a, b in zip(before, model.parameters(), strict=True))
    assert (model[0].weight != weight).any() and model[1].num_batches_tracked.item() == 1


def test_a_copy_and_a_conversion_wait_too():
    layer = torch.nn.LazyConv2d(4, 3, groups=2)
    twin = copy.deepcopy(layer).double().eval()
    assert twin(tl.ones(1, 2, 3, 3, dtype=tl.float64)).dtype == tl.float64
    assert (type(twin), type(layer), twin.training) == (nn.Conv2d, torch.nn.LazyConv2d, False)
    assert {type(p) for p in twin.parameters()} == {nn.Parameter}


def test_weights_are_drawn_at_the_first_input():
    tl.manual_seed(0)
    layer = torch.nn.LazyLinear(2)
    layer(tl.ones(1, 3))
    tl.manual_seed(0)
    assert layer.weight.tolist() == nn.Linear(3, 2).weight.tolist()


def test_nothing_is_written_or_counted_before_the_first_input():
    layer = torch.nn.LazyLinear(2)
    for write in (nn.init.normal_, nn.init.zeros_, lambda p: p.numel()):
        with pytest.raises(tl.TensorError, match=r"<UninitializedParameter> has no numbers before .* call"):
            write(layer.weight)
    for write in (
        lambda: layer.load_state_dict(torch.nn.LazyLinear(2).state_dict()),
        lambda: nn.utils.weight_norm(layer),
    ):
        with pytest.raises(ValueError, match=r"has no numbers before|no parameter 'weight', or not yet"):
            write()
    with pytest.raises(TypeError, match="missing a required argument: 'out_features'"):
        torch.nn.LazyLinear()
    with pytest.raises(ValueError, match="out_features must be at least 1"):
        torch.nn.LazyLinear(0)
