"""tl.detect_anomaly names the user's line, not one inside nn or transformer."""

import inspect

import pytest

import nn
import tinygrad_lecture as tl
import transformer

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # NumPy warns of these values too


def here():
    """This file and the line before the call."""
    caller = inspect.currentframe().f_back
    return f"{__file__}:{caller.f_lineno - 1}"


def filled(module, value):
    with tl.no_grad():
        for parameter in module.parameters():
            parameter.fill_(value)
    return module


def test_of_a_layer():
    layer = filled(nn.Linear(2, 1), 3e38)
    with tl.detect_anomaly(), pytest.raises(tl.AnomalyError, match="linear made the first inf") as caught:
        layer(tl.ones(1, 2))
    assert (caught.value.op, caught.value.where) == ("linear", here())


def test_of_layers_within_layers():
    model = filled(nn.Sequential(nn.MLP([2, 3, 1]), nn.ReLU()), 3e38)
    with tl.detect_anomaly(), pytest.raises(tl.AnomalyError) as caught:
        model(tl.ones(1, 2))
    assert caught.value.where == here()


def test_of_a_loss_and_its_backward_rule():
    scores, target = tl.tensor([2e19], requires_grad=True), tl.zeros(1)
    loss = nn.MSELoss()
    with tl.detect_anomaly(), pytest.raises(tl.AnomalyError) as caught:
        loss(scores, target)
    assert caught.value.where == here()
    scores = tl.tensor([1e10], requires_grad=True)
    with tl.detect_anomaly():
        value = loss(scores, target)
        line = here()
        with pytest.raises(tl.AnomalyError, match="in a gradient") as caught:
            value.backward(tl.tensor(3e38))
    assert (caught.value.where, caught.value.backward) == (line, True)


def test_of_a_transformer():
    block = filled(transformer.MultiHeadAttention(4, 2), 3e38)
    with tl.detect_anomaly(), pytest.raises(tl.AnomalyError) as caught:
        block(tl.ones(1, 3, 4))
    assert caught.value.where == here()
