"""All optimisers: their formulas, groups, state, cache blocking, saving, bad input. Their table: optim_table.py."""

import json
import tracemalloc

import numpy as np
import pytest

import nn
import tinygrad_lecture as tl
from nn.optim.optimizer import Optimizer
from optim_table import OPTIMIZERS
from strict_cupy import no_synchronisation
from tinygrad_lecture.kernels.threads import PIECE

every_optimizer = pytest.mark.parametrize("row", OPTIMIZERS.values(), ids=OPTIMIZERS)


def learn(make, steps=5, shape=(3, 2), device="cpu", optimizer=None, p=None):
    """(parameter, optimiser) after some steps on the function sum(p²)."""
    if p is None:
        p = nn.Parameter(tl.tensor(np.linspace(-1, 2, np.prod(shape)).reshape(shape)))
        p.data = p.detach().to(device)
        optimizer = make([p])
    for _ in range(steps):
        optimizer.zero_grad()
        (p * p).sum().backward()
        optimizer.step()
    return p, optimizer


# --- what all do alike ----------------------------------------------------------------------------------------


@every_optimizer
@pytest.mark.parametrize("maximize", [False, True])
def test_steps_follow_the_formula(row, maximize):
    rng = np.random.default_rng(0)
    expected, memory = rng.normal(size=(3, 2)), {}
    p = nn.Parameter(tl.tensor(expected))
    optimizer = row.make([p], maximize=maximize)
    settings = {name: value for name, value in row.settings.items() if name != "weight_decay"}
    decay = row.settings.get("weight_decay", 0)
    for t in range(1, 6):
        g = rng.normal(size=(3, 2))
        p.grad = tl.tensor(g)
        optimizer.step()
        g = -g if maximize else g
        if row.kind == "AdamW":
            expected = expected - row.settings["lr"] * decay * expected
        else:
            g = g + decay * expected
        expected = row.formula(expected, g, t, memory, **settings)
        np.testing.assert_allclose(p.detach().numpy(), expected, rtol=1e-9)


@every_optimizer
def test_a_step_needs_little_memory(row):
    """Temporaries have a piece's size, not the parameter's, even if the gradient has another memory layout."""
    p = nn.Parameter(tl.zeros(1000, 1000))
    p.grad = tl.ones(1000, 1000).T
    optimizer = row.make([p])
    optimizer.step()
    tracemalloc.start()
    try:
        optimizer.step()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 * 4 * PIECE < p.array.nbytes / 2


@every_optimizer
def test_large_parameters_in_pieces_are_updated_like_small_ones(row):
    """Cutting into pieces does not change the numbers, whatever the gradient's memory layout."""
    rng = np.random.default_rng(0)
    start, grads = rng.normal(size=(PIECE // 50 + 7, 100)), rng.normal(size=(3, PIECE // 50 + 7, 100))
    large = nn.Parameter(tl.tensor(start))
    parts = [nn.Parameter(tl.tensor(part)) for part in np.array_split(start, 40)]
    whole, cut = row.make([large]), row.make(parts)
    for g in grads:
        large.grad = tl.zeros_like(large)
        large.grad.data = tl.tensor(g.T).T
        for p, part in zip(parts, np.array_split(g, 40), strict=True):
            p.grad = tl.tensor(part)
        whole.step()
        cut.step()
    np.testing.assert_array_equal(large.detach().numpy(), np.concatenate([p.detach().numpy() for p in parts]))


@every_optimizer
@pytest.mark.parametrize("dtype", [tl.float32, tl.float64])
def test_dtype_and_memory_stay(row, dtype):
    p = nn.Parameter(tl.ones(3, dtype=dtype))
    memory = p.data_ptr()
    _, optimizer = learn(None, 2, p=p, optimizer=row.make([p]))
    optimizer.param_groups[0]["lr"] = np.float64(0.1)  # a schedule may compute such a number
    learn(None, 2, p=p, optimizer=optimizer)
    before = p.grad.tolist()
    optimizer.step()
    assert p.grad.tolist() == before
    assert (p.dtype, p.data_ptr()) == (dtype, memory)
    assert all(v.dtype == dtype for v in optimizer.state[p].values() if hasattr(v, "dtype"))


@every_optimizer
def test_it_runs_on_a_gpus_arrays_without_synchronising(row):
    host, _ = learn(row.make)
    device, optimizer = learn(row.make, device="strict")
    np.testing.assert_allclose(device.detach().cpu().numpy(), host.detach().numpy(), rtol=1e-12)
    with no_synchronisation():
        optimizer.step()


def test_parameters_without_gradient_are_skipped():
    used, unused = nn.Parameter(tl.ones(1)), nn.Parameter(tl.ones(1))
    optimizer = nn.optim.Adam([used, unused])
    used.sum().backward()
    optimizer.step()
    assert used.item() != 1
    assert unused.item() == 1
    assert unused not in optimizer.state
    optimizer.zero_grad(set_to_none=False)
    assert (used.grad.tolist(), unused.grad) == ([0], None)
    optimizer.zero_grad()
    assert used.grad is None


def test_backward_after_a_step_through_a_saved_parameter_raises():
    p, optimizer = learn(nn.optim.SGD, 1)
    late = (p * p).sum()
    optimizer.step()
    with pytest.raises(RuntimeError, match="changed in place"):
        late.backward()


def test_a_closure_computes_the_gradients_and_its_loss_is_returned():
    row = OPTIMIZERS["Adam"]
    p, _ = learn(row.make, steps=3)
    q = nn.Parameter(tl.tensor(np.linspace(-1, 2, 6).reshape(3, 2)))
    optimizer = row.make([q])

    def closure():
        optimizer.zero_grad()
        loss = (q * q).sum()
        loss.backward()
        return loss

    with tl.no_grad():
        losses = [optimizer.step(closure) for _ in range(3)]
    assert losses[0].item() == pytest.approx((np.linspace(-1, 2, 6) ** 2).sum())
    assert q.tolist() == p.tolist()


# --- groups and settings --------------------------------------------------------------------------------------


parameter = nn.Parameter(tl.ones(2))
BAD_PARAMETERS = [
    ([], ValueError, "SGD: params is empty, so there is nothing to optimise"),
    (parameter, TypeError, r"SGD: give the parameters, .* not a Tensor of shape \(2,\), float32; put it in a list"),
    (nn.Linear(2, 1).parameters, TypeError, "not a method; call it, with parentheses"),
    ([parameter, parameter], ValueError, r"shape \(2,\) is given twice"),
    ([np.ones(2)], TypeError, r"must be Tensors, as of model.parameters\(\), not an array of shape \(2,\)"),
    ([parameter * 2], ValueError, "computed from others"),
    ([tl.tensor([1])], ValueError, "of dtype int64"),
    ([{"param": [parameter]}], TypeError, "a parameter group must be a dict"),
]


@pytest.mark.parametrize(("params", "error", "message"), BAD_PARAMETERS)
def test_bad_parameters_are_refused(params, error, message):
    with pytest.raises(error, match=message):
        nn.optim.SGD(params)


def test_a_misspelt_setting_of_a_group_is_warned_of_and_others_are_the_users():
    p = nn.Parameter(tl.ones(1))
    with pytest.warns(UserWarning, match="SGD has no setting 'learning_rate', so it changes nothing; write 'lr'"):
        nn.optim.SGD([{"params": [p], "lr": 0.5, "learning_rate": 1}])
    with pytest.warns(UserWarning, match="write 'weight_decay'"):
        nn.optim.SGD([{"params": [p], "weigth_decay": 1}])
    optimizer = nn.optim.SGD([{"params": [p], "name": "head", "lr_scale": 0.1}])
    other = nn.optim.SGD([nn.Parameter(tl.ones(1))])
    other.load_state_dict(optimizer.state_dict())
    assert (other.param_groups[0]["name"], other.param_groups[0]["lr_scale"]) == ("head", 0.1)


def test_arguments_for_pytorchs_kernels_change_nothing():
    p = nn.Parameter(tl.ones(1))
    optimizer = nn.optim.Adam([p], foreach=True, fused=None, capturable=False, differentiable=False)
    assert optimizer.defaults == nn.optim.Adam([p]).defaults
    with pytest.raises(NotImplementedError, match="SGD: differentiable=True is not here, since a step is not recorded"):
        nn.optim.SGD([p], differentiable=True)
    with pytest.raises(NotImplementedError, match="Adam: capturable=True is not here, since there are no CUDA graphs"):
        nn.optim.Adam([p], capturable=True)


def test_a_step_without_any_gradient_is_warned_of():
    optimizer = nn.optim.SGD([nn.Parameter(tl.ones(2))])
    with pytest.warns(UserWarning, match=r"SGD.step: no parameter has a gradient.*call loss.backward\(\) first"):
        optimizer.step()


BAD_SETTINGS = [
    ("SGD", {"lr": float("nan"), "momentum": -1}, "lr must be .*; momentum must be a number from 0 on"),
    ("SGD", {"lr": "0.1"}, "SGD: lr must be a number from 0 on, not '0.1'"),
    ("Adam", {"betas": 0.9}, r"Adam: betas must be two numbers in .* as in \(0.9, 0.999\), not 0.9"),
    ("AdamW", {"betas": (0.9, 1.0), "weight_decay": -1}, "AdamW: weight_decay .*; betas"),
    ("SGD", {"nesterov": True, "momentum": 0.9, "dampening": 0.1}, "nesterov needs momentum"),
    ("RMSprop", {"alpha": 1.0}, r"RMSprop: alpha must be in \[0, 1\), not 1.0"),
    ("Adagrad", {"lr_decay": -1, "initial_accumulator_value": -1}, "lr_decay must be .*; initial_accumulator_value"),
    ("Adadelta", {"rho": 1.5}, r"Adadelta: rho must be in \[0, 1\], not 1.5"),
]


@pytest.mark.parametrize(("kind", "settings", "message"), BAD_SETTINGS)
def test_bad_settings_are_refused(kind, settings, message):
    with pytest.raises(ValueError, match=message):
        getattr(nn.optim, kind)([nn.Parameter(tl.ones(1))], **settings)


# --- saving -------------------------------------------------------------------------------------------------


@every_optimizer
def test_a_state_survives_json_and_arrays_bit_for_bit(row):
    """As in a safetensors file: numbers as JSON, where keys are strings and tuples lists, and arrays by name."""
    straight, _ = learn(row.make, 6)
    again, optimizer = learn(row.make, 3)
    state = optimizer.state_dict()  # in PyTorch's layout
    assert [group["params"] for group in state["param_groups"]] == [[0]] and state["state"][0]["step"] == 3
    arrays = {name: v.numpy() for name, v in state["state"][0].items() if isinstance(v, tl.Tensor)}
    numbers = {name: v for name, v in state["state"][0].items() if name not in arrays}
    read = json.loads(json.dumps({"state": {0: numbers}, "param_groups": state["param_groups"]}))
    read["state"]["0"] |= arrays
    elsewhere = nn.Parameter(tl.zeros(3, 2))
    elsewhere.data = elsewhere.detach().to("strict")
    other = row.make([elsewhere])
    other.load_state_dict(read)  # onto another device, in another dtype
    assert {(x.device, x.dtype.name) for x in other.state[elsewhere].values() if isinstance(x, tl.Tensor)} <= {
        ("strict", "float32")
    }
    restored = row.make([again])
    restored.load_state_dict(read)
    assert restored.param_groups[0].keys() == optimizer.param_groups[0].keys()
    learn(None, 3, p=again, optimizer=restored)
    assert again.tolist() == straight.tolist()


def test_everything_that_does_not_fit_is_listed_and_nothing_is_changed():
    p, optimizer = learn(nn.optim.Adam, 2)
    good = optimizer.state_dict()
    held = {"exp_avg": tl.ones(1), "exp_avg_sq": 1.0, "more": tl.ones(3, 2)}
    bad = {"state": {0: held, 1: held}, "param_groups": [{**good["param_groups"][0], "lr": -1, "betas": [2, 3]}]}
    with pytest.raises(ValueError, match="nothing was changed") as error:
        optimizer.load_state_dict(bad)
    assert str(error.value).split("\n") == [
        "load_state_dict: the state does not fit this Adam; nothing was changed",
        "  group 0: lr must be a number from 0 on, not -1",
        "  group 0: betas must be two numbers in [0, 1), as in (0.9, 0.999), not (2, 3)",
        "  parameter 0: exp_avg has shape (1,), wanted (3, 2)",
        "  parameter 0: exp_avg_sq is of type float, wanted a Tensor or an array",
        "  parameter 0: more is not part of this optimiser's state",
        "  there is state for parameters in no group: 1",
    ]
    two = nn.optim.Adam([nn.Parameter(tl.ones(1)), nn.Parameter(tl.ones(1))]).state_dict()
    with pytest.raises(ValueError, match=r"groups of \[2\] parameters, but the groups here have \[1\]"):
        optimizer.load_state_dict(two)
    after = optimizer.state_dict()
    assert after["param_groups"] == good["param_groups"]
    assert after["state"][0]["exp_avg"].tolist() == good["state"][0]["exp_avg"].tolist()
    assert p is optimizer.param_groups[0]["params"][0]


def test_an_optimiser_says_where_settings_are_and_a_subclass_may_have_its_own():
    class Own(nn.optim.SGD):
        def __init__(self, params, lr):
            super().__init__(params, lr)
            self.lr = lr

    assert Own([nn.Parameter(tl.ones(1))], 0.25).lr == 0.25
    p = nn.Parameter(tl.ones(1))
    p.grad = tl.ones(1)
    with pytest.raises(NotImplementedError, match=r"Optimizer has no step; define step\(self, closure=None\)"):
        Optimizer([p], {"lr": 1}).step()
    optimizer = nn.optim.SGD([nn.Parameter(tl.ones(1))])
    with pytest.raises(AttributeError, match=r'write for group in optimizer.param_groups: group\["lr"\] = ...'):
        optimizer.lr = 0.25
