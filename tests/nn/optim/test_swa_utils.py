"""Means of weights: what they are after some updates, with buffers, under PyTorch's keys."""

import pytest

import nn
import tinygrad_lecture as tl
from nn.optim.swa_utils import (
    SWALR,
    AveragedModel,
    get_ema_avg_fn,
    get_ema_multi_avg_fn,
    get_swa_avg_fn,
    get_swa_multi_avg_fn,
    update_bn,
)


class Counting(nn.Module):
    def __init__(self):
        self.weight = nn.Parameter(tl.zeros(2))
        self.register_buffer("seen", tl.zeros(1))

    def forward(self, x):
        return x * self.weight


def averaged(values, **settings):
    """The mean after a model's weight was each of these values, and the model's copy."""
    model = Counting()
    average = AveragedModel(model, **settings)
    for value in values:
        model.weight.data.fill_(value)
        model.seen.fill_(value)
        average.update_parameters(model)
    return average.module.weight.tolist()[0], average


@pytest.mark.parametrize("settings", [{}, {"avg_fn": get_swa_avg_fn()}, {"multi_avg_fn": get_swa_multi_avg_fn()}])
def test_by_default_all_values_count_the_same(settings):
    mean, average = averaged([1, 2, 6], **settings)
    assert mean == pytest.approx(3)
    assert average.n_averaged.item() == 3
    assert average.module.seen.item() == 6  # the last


@pytest.mark.parametrize("settings", [{"avg_fn": get_ema_avg_fn(0.75)}, {"multi_avg_fn": get_ema_multi_avg_fn(0.75)}])
def test_an_exponential_moving_average_forgets(settings):
    assert averaged([4, 8, 0], **settings)[0] == pytest.approx((4 * 0.75 + 8 * 0.25) * 0.75)


def test_buffers_are_averaged_if_asked():
    _, average = averaged([1, 2, 6], use_buffers=True)
    assert average.module.seen.item() == pytest.approx(3)


def test_the_copy_is_independent_and_is_called():
    model = Counting()
    average = AveragedModel(model)
    model.weight.data.fill_(2)
    assert average(tl.ones(2)).tolist() == [0, 0]
    assert list(average.state_dict()) == ["n_averaged", "module.weight", "module.seen"]


def test_statistics_are_computed_anew_over_all_batches():
    class Norm(nn.Module):
        def __init__(self):
            self.momentum, self.means = 0.1, [5.0]

        def reset_running_stats(self):
            self.means = []

        def forward(self, x):
            assert self.training and self.momentum is None
            self.means.append(x.mean().item())
            return x

    model = nn.Sequential(Norm()).eval()
    update_bn([(tl.ones(2), "label"), tl.zeros(2)], model)
    assert (model[0].means, model[0].momentum, model.training) == ([1, 0], 0.1, False)


def test_bad_settings_are_refused():
    optimizer = nn.optim.SGD([nn.Parameter(tl.ones(1))], lr=1.0)
    with pytest.raises(ValueError, match="give avg_fn or multi_avg_fn, not both"):
        AveragedModel(Counting(), avg_fn=get_swa_avg_fn(), multi_avg_fn=get_swa_multi_avg_fn())
    with pytest.raises(ValueError, match=r"decay must be from 0 to 1, but is 1\.5"):
        get_ema_avg_fn(1.5)
    with pytest.raises(ValueError, match=r"anneal_strategy must be .* not 'fast'"):
        SWALR(optimizer, 0.1, anneal_strategy="fast")
    with pytest.raises(ValueError, match="anneal_epochs must be a number from 0 on, not -1"):
        SWALR(optimizer, 0.1, -1)
