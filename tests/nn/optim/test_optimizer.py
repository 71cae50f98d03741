"""All optimisers: groups, state, cache blocking, saving, bad input."""

import json
import tracemalloc

import numpy as np
import pytest

import nn
import tinygrad_lecture as tl
from nn.optim.optimizer import Optimizer
from strict_cupy import no_synchronisation, strict
from tinygrad_lecture.kernels.threads import PIECE

MAKERS = {
    "sgd": lambda params, **kw: nn.optim.SGD(params, lr=0.1, **kw),
    "momentum": lambda params, **kw: nn.optim.SGD(params, lr=0.1, momentum=0.9, weight_decay=0.01, **kw),
    "nesterov": lambda params, **kw: nn.optim.SGD(params, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.01, **kw),
    "adam": lambda params, **kw: nn.optim.Adam(params, lr=0.1, weight_decay=0.01, **kw),
    "adamw": lambda params, **kw: nn.optim.AdamW(params, lr=0.1, **kw),
    "amsgrad": lambda params, **kw: nn.optim.Adam(params, lr=0.1, amsgrad=True, **kw),
    "rmsprop": lambda params, **kw: nn.optim.RMSprop(params, lr=0.05, weight_decay=0.01, **kw),
    "rmsprop with all": lambda params, **kw: nn.optim.RMSprop(params, lr=0.01, centered=True, momentum=0.5, **kw),
    "adagrad": lambda params, **kw: nn.optim.Adagrad(params, lr=0.5, lr_decay=0.01, weight_decay=0.01, **kw),
    "adadelta": lambda params, **kw: nn.optim.Adadelta(params, lr=1.0, eps=1e-2, weight_decay=0.01, **kw),
    "adamax": lambda params, **kw: nn.optim.Adamax(params, lr=0.1, weight_decay=0.01, **kw),
    "nadam": lambda params, **kw: nn.optim.NAdam(params, lr=0.1, weight_decay=0.01, **kw),
    "radam": lambda params, **kw: nn.optim.RAdam(params, lr=0.1, decoupled_weight_decay=True, weight_decay=0.01, **kw),
    "asgd": lambda params, **kw: nn.optim.ASGD(params, lr=0.1, t0=2, weight_decay=0.01, **kw),
    "rprop": lambda params, **kw: nn.optim.Rprop(params, lr=0.1, **kw),
}
every_optimizer = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)


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


# --- the formulas, in plain NumPy: (parameter, gradient, number of the step, state) -> parameter ----------------


# --- what all do alike ----------------------------------------------------------------------------------------


@every_optimizer
def test_a_step_needs_little_memory(make):
    """Temporaries have a piece's size, not the parameter's, even if the gradient has another memory layout."""
    p = nn.Parameter(tl.zeros(1000, 1000))
    p.grad = tl.ones(1000, 1000).T
    optimizer = make([p])
    optimizer.step()
    tracemalloc.start()
    try:
        optimizer.step()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 * 4 * PIECE < p.array.nbytes / 2


@every_optimizer
def test_large_parameters_in_pieces_are_updated_like_small_ones(make):
    """Cutting into pieces does not change the numbers, whatever the gradient's memory layout."""
    rng = np.random.default_rng(0)
    start, grads = rng.normal(size=(PIECE // 50 + 7, 100)), rng.normal(size=(3, PIECE // 50 + 7, 100))
    large = nn.Parameter(tl.tensor(start))
    rows = [nn.Parameter(tl.tensor(row)) for row in start]
    whole, parts = make([large]), make(rows)
    for g in grads:
        large.grad = tl.zeros_like(large)
        large.grad.data = tl.tensor(g.T).T
        for p, row in zip(rows, g, strict=True):
            p.grad = tl.tensor(row)
        whole.step()
        parts.step()
    np.testing.assert_array_equal(large.detach().numpy(), [p.detach().numpy() for p in rows])


@every_optimizer
@pytest.mark.parametrize("dtype", [tl.float32, tl.float64])
def test_dtype_and_memory_stay(make, dtype):
    p = nn.Parameter(tl.ones(3, dtype=dtype))
    memory = p.data_ptr()
    _, optimizer = learn(None, 2, p=p, optimizer=make([p]))
    optimizer.param_groups[0]["lr"] = np.float64(0.1)  # a schedule may compute such a number
    learn(None, 2, p=p, optimizer=optimizer)
    before = p.grad.tolist()
    optimizer.step()
    assert p.grad.tolist() == before
    assert (p.dtype, p.data_ptr()) == (dtype, memory)
    assert all(v.dtype == dtype for v in optimizer.state[p].values() if hasattr(v, "dtype"))


@every_optimizer
def test_it_runs_on_a_gpus_arrays_without_synchronising(make):
    host, _ = learn(make)
    device, optimizer = learn(make, device="strict")
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


def test_zero_grad_sets_none_or_zeros():
    p, optimizer = learn(MAKERS["sgd"], 1)
    optimizer.zero_grad(set_to_none=False)
    assert p.grad.tolist() == [[0, 0]] * 3
    optimizer.zero_grad()
    assert p.grad is None


def test_backward_after_a_step_through_a_saved_parameter_raises():
    p, optimizer = learn(MAKERS["sgd"], 1)
    late = (p * p).sum()
    optimizer.step()
    with pytest.raises(RuntimeError, match="changed in place"):
        late.backward()


def test_constant_gradients_have_zero_variance_and_no_nan():
    p = nn.Parameter(tl.tensor([1.0, 2.0, 3.0]))
    optimizer = nn.optim.RMSprop([p], alpha=0.5, centered=True)
    for _ in range(100):
        p.grad = tl.tensor([0.1, 0.3, 1e-3])
        optimizer.step()
    assert np.isfinite(p.detach().numpy()).all()


def test_settings_may_change_between_steps():
    p = nn.Parameter(tl.ones(2))
    optimizer = nn.optim.RMSprop([p], momentum=0.9)
    p.grad = tl.ones(2)
    optimizer.step()
    optimizer.param_groups[0].update(momentum=0.0, centered=True)
    optimizer.step()
    assert optimizer.state[p].keys() == {"step", "square_avg", "momentum_buffer", "grad_avg"}


# --- groups -------------------------------------------------------------------------------------------------


def test_groups_have_their_own_settings():
    slow, fast = nn.Parameter(tl.ones(1)), nn.Parameter(tl.ones(1))
    optimizer = nn.optim.SGD([{"params": [slow]}, {"params": fast, "lr": 0.5}], lr=0.1)
    later = nn.Parameter(tl.ones(1))
    optimizer.add_param_group({"params": [later], "lr": 0.25})
    (slow + fast + later).sum().backward()
    optimizer.step()
    np.testing.assert_allclose([slow.item(), fast.item(), later.item()], [0.9, 0.5, 0.75], rtol=1e-6)
    assert [group["lr"] for group in optimizer.param_groups] == [0.1, 0.5, 0.25]


def test_bad_parameters_are_refused():
    p = nn.Parameter(tl.ones(2))
    cases = [
        ([], ValueError, "SGD: params is empty, so there is nothing to optimise"),
        (p, TypeError, r"SGD: give the parameters, .* not a Tensor of shape \(2,\), float32; put it in a list"),
        (nn.Linear(2, 1), TypeError, r"SGD: give the parameters, as in model.parameters\(\), not a Linear"),
        (nn.Linear(2, 1).parameters, TypeError, "not a method; call it, with parentheses"),
        (nn.Linear(2, 1).state_dict(), TypeError, r"as in model.parameters\(\), not a dict"),
        ([("a", p), nn.Parameter(tl.ones(1))], ValueError, "give all parameters of a group with their names, or none"),
        ([p, p], ValueError, r"shape \(2,\) is given twice"),
        ([{"params": [p]}, {"params": [p]}], ValueError, "twice"),
        ([np.ones(2)], TypeError, r"must be Tensors, as of model.parameters\(\), not an array of shape \(2,\)"),
        ([p * 2], ValueError, "computed from others"),
        ([tl.tensor([1])], ValueError, "of dtype int64"),
        ([{"param": [p]}], TypeError, "a parameter group must be a dict"),
        ([{"params": [p]}, tl.ones(1)], TypeError, "a parameter group must be a dict"),
    ]
    for params, error, message in cases:
        with pytest.raises(error, match=message):
            nn.optim.SGD(params)


def test_parameters_may_come_with_their_names():
    model = nn.MLP([2, 3, 1])
    optimizer = nn.optim.Adam(model.named_parameters())
    assert optimizer.param_groups[0]["param_names"] == [name for name, _ in model.named_parameters()]
    assert optimizer.param_groups[0]["params"] == list(model.parameters())
    assert "param_names" not in repr(optimizer)


def test_a_misspelt_setting_of_a_group_is_warned_of_and_others_are_the_users():
    p = nn.Parameter(tl.ones(1))
    with pytest.warns(UserWarning, match="SGD has no setting 'learning_rate', so it changes nothing; write 'lr'"):
        nn.optim.SGD([{"params": [p], "lr": 0.5, "learning_rate": 1}])
    with pytest.warns(UserWarning, match="write 'weight_decay'"):
        nn.optim.SGD([{"params": [p], "weigth_decay": 1}])
    optimizer = nn.optim.SGD([{"params": [p], "name": "head", "lr_scale": 0.1}])
    assert optimizer.state_dict()["param_groups"][0]["name"] == "head"
    other = nn.optim.SGD([nn.Parameter(tl.ones(1))])
    other.load_state_dict(optimizer.state_dict())
    assert other.param_groups[0]["lr_scale"] == 0.1


def test_arguments_for_pytorchs_kernels_change_nothing():
    p = nn.Parameter(tl.ones(1))
    optimizer = nn.optim.Adam([p], foreach=True, fused=None, capturable=False, differentiable=False)
    assert optimizer.defaults == nn.optim.Adam([p]).defaults
    with pytest.raises(NotImplementedError, match="SGD: differentiable=True is not here, since a step is not recorded"):
        nn.optim.SGD([p], differentiable=True)
    with pytest.raises(NotImplementedError, match="NAdam: capturable=True is not here, since there are no CUDA graphs"):
        nn.optim.NAdam([p], capturable=True)


def test_a_step_without_any_gradient_is_warned_of():
    optimizer = nn.optim.SGD([nn.Parameter(tl.ones(2))])
    with pytest.warns(UserWarning, match=r"SGD.step: no parameter has a gradient.*call loss.backward\(\) first"):
        optimizer.step()


@pytest.mark.parametrize(
    ("kind", "settings", "message"),
    [
        (nn.optim.SGD, {"lr": -1}, "SGD: lr must be a number from 0 on"),
        (nn.optim.SGD, {"lr": float("nan")}, "lr"),
        (nn.optim.SGD, {"lr": "0.1"}, "SGD: lr must be a number from 0 on, not '0.1'"),
        (nn.optim.SGD, {"lr": [0.1]}, r"SGD: lr must be a number from 0 on, not \[0.1\]"),
        (nn.optim.Adam, {"lr": None}, "Adam: lr must be a number from 0 on, not None"),
        (nn.optim.Adam, {"betas": 0.9}, r"Adam: betas must be two numbers in .* as in \(0.9, 0.999\), not 0.9"),
        (nn.optim.SGD, {"momentum": -0.5}, "momentum"),
        (nn.optim.SGD, {"weight_decay": -0.5}, "weight_decay"),
        (nn.optim.SGD, {"nesterov": True}, "nesterov needs momentum"),
        (nn.optim.SGD, {"nesterov": True, "momentum": 0.9, "dampening": 0.1}, "nesterov needs momentum"),
        (nn.optim.Adam, {"betas": (0.9, 1.0)}, "Adam: betas"),
        (nn.optim.AdamW, {"eps": -1e-8}, "AdamW: eps"),
        (nn.optim.RMSprop, {"alpha": 1.0}, r"RMSprop: alpha must be in \[0, 1\), not 1.0"),
        (nn.optim.RMSprop, {"momentum": -1}, "RMSprop: momentum"),
        (nn.optim.Adagrad, {"lr_decay": -1, "eps": -1}, "eps must be a number from 0 on, not -1; lr_decay must be"),
        (nn.optim.Adagrad, {"initial_accumulator_value": -1}, "initial_accumulator_value"),
        (nn.optim.Adadelta, {"rho": 1.5}, r"Adadelta: rho must be in \[0, 1\], not 1.5"),
        (nn.optim.NAdam, {"momentum_decay": -1}, "NAdam: momentum_decay must be a number from 0 on"),
        (nn.optim.RAdam, {"betas": (1.0, 0.9)}, "RAdam: betas"),
        (nn.optim.Rprop, {"etas": (0.5, 0.9)}, "Rprop: etas must be two numbers, one between 0 and 1 and one above 1"),
        (nn.optim.LBFGS, {"line_search_fn": "armijo"}, "line_search_fn must be None or .strong_wolfe., not .armijo"),
        (nn.optim.LBFGS, {"lr": -1}, "LBFGS: lr must be a number from 0 on"),
    ],
)
def test_bad_settings_are_refused(kind, settings, message):
    with pytest.raises(ValueError, match=message):
        kind([nn.Parameter(tl.ones(1))], **settings)


def test_a_group_that_is_refused_is_not_added():
    p = nn.Parameter(tl.ones(1))
    optimizer = nn.optim.SGD([p])
    with pytest.raises(ValueError, match="twice"):
        optimizer.add_param_group({"params": [nn.Parameter(tl.ones(1)), p]})
    with pytest.raises(ValueError, match="lr"):
        optimizer.add_param_group({"params": [nn.Parameter(tl.ones(1))], "lr": -1})
    assert len(optimizer.param_groups) == 1


# --- saving -------------------------------------------------------------------------------------------------


def test_the_state_has_pytorchs_layout():
    optimizer = nn.optim.Adam([{"params": [nn.Parameter(tl.ones(2))]}, {"params": nn.Parameter(tl.ones(1)), "lr": 1}])
    p = optimizer.param_groups[1]["params"][0]
    learn(None, 2, p=p, optimizer=optimizer)
    state = optimizer.state_dict()
    assert [group["params"] for group in state["param_groups"]] == [[0], [1]]
    assert [group["lr"] for group in state["param_groups"]] == [1e-3, 1]
    assert list(state["state"]) == [1]
    assert state["state"][1]["step"] == 2
    assert isinstance(state["state"][1]["exp_avg_sq"], tl.Tensor)


@every_optimizer
def test_a_state_survives_json_and_arrays_bit_for_bit(make):
    """As in a safetensors file: numbers as JSON, where keys are strings and tuples lists, and arrays by name."""
    straight, _ = learn(make, 6)
    again, optimizer = learn(make, 3)
    state = optimizer.state_dict()
    held = [(i, name, v) for i, kept in state["state"].items() for name, v in kept.items()]
    arrays = {f"{i}.{name}": v.numpy() for i, name, v in held if isinstance(v, tl.Tensor)}
    numbers = {i: {name: v for j, name, v in held if i == j and not isinstance(v, tl.Tensor)} for i in state["state"]}
    read = json.loads(json.dumps({"state": numbers, "param_groups": state["param_groups"]}))
    for key, array in arrays.items():
        i, name = key.split(".")
        read["state"][i][name] = array
    restored = make([again])
    restored.load_state_dict(read)
    assert restored.param_groups[0].keys() == optimizer.param_groups[0].keys()
    learn(None, 3, p=again, optimizer=restored)
    assert again.tolist() == straight.tolist()


def test_a_state_loads_into_another_dtype_and_onto_another_device():
    _, optimizer = learn(MAKERS["adam"], 2)
    p = nn.Parameter(tl.zeros(3, 2))
    p.data = p.detach().to("strict")
    other = MAKERS["adam"]([p])
    other.load_state_dict(optimizer.state_dict())
    mean = other.state[p]["exp_avg"]
    assert (type(mean.array), mean.dtype) == (strict.ndarray, np.float32)
    learn(None, 1, p=p, optimizer=other)


def test_arrays_that_the_settings_no_longer_need_are_not_saved():
    p, optimizer = learn(MAKERS["momentum"], 2)
    optimizer.param_groups[0]["momentum"] = 0.0
    state = optimizer.state_dict()
    assert state["state"] == {0: {"step": 2}}
    optimizer.load_state_dict(state)
    optimizer.param_groups[0]["momentum"] = 0.9
    learn(None, 1, p=p, optimizer=optimizer)
    assert optimizer.state[p].keys() == {"step", "momentum_buffer"}


@pytest.fixture
def adam():
    return learn(MAKERS["adam"], 2)


def states_that_do_not_fit(good):
    """Broken states for an Adam with one parameter of shape (3, 2), and the message for each."""
    held = good["state"][0]
    two = nn.optim.Adam([nn.Parameter(tl.ones(1)), nn.Parameter(tl.ones(1))]).state_dict()
    _, momentum = learn(MAKERS["momentum"], 1)
    return [
        ({**good, "state": {0: {"step": 1, "exp_avg": held["exp_avg"]}}}, "parameter 0: exp_avg_sq is missing"),
        ({**good, "state": {0: {**held, "exp_avg": 1.0}}}, "exp_avg is of type float, wanted a Tensor or an array"),
        ({**good, "state": {0: held, 1: held}}, "state for parameters in no group: 1"),
        (momentum.state_dict(), "momentum_buffer is not part of this optimiser's state\n.* exp_avg is missing"),
        (two, r"groups of \[2\] parameters, but the groups here have \[1\]"),
    ]


@pytest.mark.parametrize("some", [list, tuple, iter, set, nn.ParameterList, lambda ps: (p for p in ps)])
def test_any_iterable_of_parameters_is_taken(some):
    parameters = [nn.Parameter(tl.ones(2)), nn.Parameter(tl.zeros(1))]
    assert len(nn.optim.SGD(some(parameters), 0.1).param_groups[0]["params"]) == 2
    assert len(nn.optim.SGD([{"params": some(parameters)}], 0.1).param_groups[0]["params"]) == 2


@pytest.mark.parametrize("case", range(5))
def test_a_state_that_does_not_fit_changes_nothing(adam, case):
    p, optimizer = adam
    good = optimizer.state_dict()
    state, message = states_that_do_not_fit(good)[case]
    with pytest.raises(ValueError, match=message):
        optimizer.load_state_dict(state)
    after = optimizer.state_dict()
    assert after["param_groups"] == good["param_groups"]
    assert after["state"][0]["exp_avg"].tolist() == good["state"][0]["exp_avg"].tolist()
    assert p is optimizer.param_groups[0]["params"][0]


def test_everything_that_does_not_fit_is_listed(adam):
    _, optimizer = adam
    good = optimizer.state_dict()
    held = {"exp_avg": tl.ones(1), "exp_avg_sq": tl.ones(2), "more": tl.ones(3, 2)}
    bad = {"state": {0: held}, "param_groups": [{**good["param_groups"][0], "lr": -1, "betas": [2, 3]}]}
    with pytest.raises(ValueError, match="nothing was changed") as error:
        optimizer.load_state_dict(bad)
    lines = str(error.value).split("\n")
    assert lines == [
        "load_state_dict: the state does not fit this Adam; nothing was changed",
        "  group 0: lr must be a number from 0 on, not -1",
        "  group 0: betas must be two numbers in [0, 1), as in (0.9, 0.999), not (2, 3)",
        "  parameter 0: exp_avg has shape (1,), wanted (3, 2)",
        "  parameter 0: exp_avg_sq has shape (2,), wanted (3, 2)",
        "  parameter 0: more is not part of this optimiser's state",
    ]


def test_repr_shows_the_settings():
    text = repr(nn.optim.SGD(nn.Linear(10, 3).parameters(), lr=0.5))
    assert text.startswith("SGD(\n  33 parameters: lr=0.5, momentum=0.0")


# --- closures and hooks of steps ----------------------------------------------------------------------------


@every_optimizer
def test_a_closure_computes_the_gradients_and_its_loss_is_returned(make):
    p, _ = learn(make, steps=3)
    q = nn.Parameter(tl.tensor(np.linspace(-1, 2, 6).reshape(3, 2)))
    optimizer = make([q])

    def closure():
        optimizer.zero_grad()
        loss = (q * q).sum()
        loss.backward()
        return loss

    with tl.no_grad():
        losses = [optimizer.step(closure) for _ in range(3)]
    assert losses[0].item() == pytest.approx((np.linspace(-1, 2, 6) ** 2).sum())
    assert q.tolist() == p.tolist()


# --- custom optimisers --------------------------------------------------------------------------------------


class Heavy(Optimizer):
    """Momentum, as one writes it in PyTorch."""

    def __init__(self, params, lr=0.1, beta=0.5):
        super().__init__(params, {"lr": lr, "beta": beta, "eps": None})

    @tl.no_grad()
    def step(self, closure=None):
        loss = None
        if closure is not None:
            with tl.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if len(state) == 0:
                    state["step"] = 0
                    state["velocity"] = tl.zeros_like(p)
                    state["past"] = []
                state["step"] += 1
                state["velocity"].mul_(group["beta"]).add_(p.grad)
                state["past"].append(p.grad.norm())
                p.data.add_(state["velocity"], alpha=-group["lr"])
        return loss


def test_an_optimizer_written_as_in_pytorch():
    p = nn.Parameter(tl.tensor([1.0, -2.0]))
    optimizer = Heavy([{"params": [p]}, {"params": nn.Parameter(tl.ones(1)), "lr": 1}], lr=0.25)
    for _ in range(2):
        learn(None, 1, p=p, optimizer=optimizer)
    first = np.array([2.0, -4.0])
    then = np.array([1.0, -2.0]) - 0.25 * first
    assert p.tolist() == list(then - 0.25 * (0.5 * first + 2 * then))
    assert optimizer.state[p]["step"] == 2


def test_its_state_is_saved_with_all_that_it_keeps_and_loaded():
    p, optimizer = learn(Heavy, 3)
    state = optimizer.state_dict()
    assert state["state"][0].keys() == {"step", "velocity", "past"}
    assert state["param_groups"] == [{"lr": 0.1, "beta": 0.5, "eps": None, "params": [0]}]
    before = state["state"][0]["velocity"].tolist()
    learn(None, 1, p=p, optimizer=optimizer)
    assert state["state"][0]["velocity"].tolist() == before  # a copy
    straight = p.tolist()
    again, _ = learn(Heavy, 3)
    restored = Heavy([again], lr=9)
    restored.load_state_dict(state)
    learn(None, 1, p=again, optimizer=restored)
    assert again.tolist() == straight
    assert len(restored.state[again]["past"]) == 4


def test_a_wrapper_around_an_optimizer_shares_its_groups():
    """As sharpness-aware minimisation does: the groups have settings that the optimiser inside does not know."""

    class Twice(Optimizer):
        def __init__(self, params, base, rho=0.05, **settings):
            super().__init__(params, {"rho": rho, **settings})
            self.base = base(self.param_groups, **settings)
            self.param_groups = self.base.param_groups

        def step(self, closure=None):
            self.base.step()
            self.base.step()

    p = nn.Parameter(tl.tensor([1.0]))
    optimizer = Twice([p], nn.optim.SGD, lr=0.25)
    assert optimizer.param_groups[0]["rho"] == 0.05
    learn(None, 1, p=p, optimizer=optimizer)
    assert p.item() == 0


def test_a_setting_without_a_default_must_be_given():
    from nn.optim.settings import required

    p = nn.Parameter(tl.ones(1))
    with pytest.raises(ValueError, match="Optimizer: lr has no default; give it"):
        Optimizer([p], {"lr": required})
    assert Optimizer([{"params": [p], "lr": 1}], {"lr": required}).param_groups[0]["lr"] == 1


def test_a_subclass_has_the_attributes_that_it_likes():
    class Named(Heavy):
        name: str = "heavy"

    optimizer = Named([nn.Parameter(tl.ones(1))], beta=0.25)
    assert (optimizer.name, optimizer.defaults["beta"]) == ("heavy", 0.25)

    class Own(nn.optim.SGD):
        def __init__(self, params, lr):
            super().__init__(params, lr)
            self.lr = lr  # which is refused of the optimisers here

    assert Own([nn.Parameter(tl.ones(1))], 0.25).lr == 0.25


def test_without_a_step_of_its_own_it_is_told_what_to_write():
    with pytest.raises(NotImplementedError, match=r"Optimizer has no step; define step\(self, closure=None\)"):
        Optimizer([nn.Parameter(tl.ones(1))], {"lr": 1}).step()
