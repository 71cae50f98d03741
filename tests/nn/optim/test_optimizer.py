"""What all optimisers share: groups, state, blocks, saving, bad input."""

import numpy as np
import pytest
import strict_device  # noqa: F401 - makes device="strict" work
from nn.optim.optimizer import BLOCK, Optimizer, blocks
from strict_cupy import no_synchronisation, strict

import nn
import tinygrad_lecture as tl

MAKERS = {
    "sgd": lambda params, **kw: nn.optim.SGD(params, lr=0.1, **kw),
    "momentum": lambda params, **kw: nn.optim.SGD(params, lr=0.1, momentum=0.9, weight_decay=0.01, **kw),
    "nesterov": lambda params, **kw: nn.optim.SGD(params, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.01, **kw),
    "adam": lambda params, **kw: nn.optim.Adam(params, lr=0.1, weight_decay=0.01, **kw),
    "adamw": lambda params, **kw: nn.optim.AdamW(params, lr=0.1, **kw),
}
every_optimizer = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)


def learn(make, steps=5, shape=(3, 2), device="cpu", optimizer=None, p=None):
    """Some steps downhill from a bowl's edge; the parameter afterwards."""
    if p is None:
        p = nn.Parameter(tl.tensor(np.linspace(-1, 2, np.prod(shape)).reshape(shape)))
        p.data = p.detach().to(device)
        optimizer = make([p])
    for _ in range(steps):
        optimizer.zero_grad()
        (p * p).sum().backward()
        optimizer.step()
    return p, optimizer


@every_optimizer
def test_it_goes_downhill_in_place(make):
    p, _ = learn(make, steps=0)
    before = np.abs(p.detach().numpy()).max()
    p, optimizer = learn(make, steps=29)
    memory = p.array
    learn(None, 1, p=p, optimizer=optimizer)
    assert p.array is memory
    assert np.abs(p.detach().numpy()).max() < before


@every_optimizer
def test_large_parameters_in_blocks_change_as_small_ones_do(make):
    """The same numbers, whether a parameter is cut into blocks or not, also where its gradient lies otherwise."""
    rng = np.random.default_rng(0)
    start, grads = rng.normal(size=(BLOCK // 50 + 7, 100)), rng.normal(size=(3, BLOCK // 50 + 7, 100))
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
def test_it_leaves_gradients_as_they_are(make):
    p, optimizer = learn(make, steps=1)
    before = p.grad.numpy().copy()
    optimizer.step()
    np.testing.assert_array_equal(p.grad.numpy(), before)


@every_optimizer
@pytest.mark.parametrize("dtype", [tl.float32, tl.float64])
def test_dtypes_stay(make, dtype):
    p = nn.Parameter(tl.ones(3, dtype=dtype))
    _, optimizer = learn(None, 2, p=p, optimizer=make([p]))
    optimizer.param_groups[0]["lr"] = np.float64(0.1)  # as a schedule might compute it
    learn(None, 2, p=p, optimizer=optimizer)
    assert p.dtype == dtype
    assert all(v.dtype == dtype for v in optimizer.state[p].values() if hasattr(v, "dtype"))


@every_optimizer
def test_a_gpus_arrays_are_enough_and_the_host_does_not_wait(make):
    host, _ = learn(make)
    device, optimizer = learn(make, device="strict")
    np.testing.assert_allclose(device.detach().cpu().numpy(), host.detach().numpy(), rtol=1e-12)
    with no_synchronisation():
        optimizer.step()


def test_what_has_no_gradient_is_left_alone():
    used, unused = nn.Parameter(tl.ones(1)), nn.Parameter(tl.ones(1))
    optimizer = nn.optim.Adam([used, unused])
    used.sum().backward()
    optimizer.step()
    assert used.item() != 1
    assert unused.item() == 1
    assert unused not in optimizer.state


def test_zero_grad_forgets_or_overwrites():
    p, optimizer = learn(MAKERS["sgd"], 1)
    optimizer.zero_grad(set_to_none=False)
    assert p.grad.tolist() == [[0, 0]] * 3
    optimizer.zero_grad()
    assert p.grad is None


def test_a_graph_that_saved_a_parameter_notices_the_step():
    p, optimizer = learn(MAKERS["sgd"], 1)
    late = (p * p).sum()
    optimizer.step()
    with pytest.raises(RuntimeError, match="changed in place"):
        late.backward()


# --- groups -------------------------------------------------------------------------------------------------


def test_groups_have_settings_of_their_own():
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
        ([], ValueError, "SGD: there is nothing to optimise"),
        (p, TypeError, "come in a list"),
        ([p, p], ValueError, r"shape \(2,\) is given twice"),
        ([{"params": [p]}, {"params": [p]}], ValueError, "twice"),
        ([np.ones(2)], TypeError, "must be Tensors, not ndarray"),
        ([p * 2], ValueError, "computed from others"),
        ([tl.tensor([1])], ValueError, "of int64"),
        ([{"params": [p], "rate": 1}], ValueError, "has no setting 'rate'; its settings are lr"),
    ]
    for params, error, message in cases:
        with pytest.raises(error, match=message):
            nn.optim.SGD(params)


@pytest.mark.parametrize(
    ("kind", "settings", "message"),
    [
        (nn.optim.SGD, {"lr": -1}, "SGD: lr must not be negative"),
        (nn.optim.SGD, {"lr": float("nan")}, "lr"),
        (nn.optim.SGD, {"momentum": -0.5}, "momentum"),
        (nn.optim.SGD, {"weight_decay": -0.5}, "weight_decay"),
        (nn.optim.SGD, {"nesterov": True}, "nesterov needs momentum"),
        (nn.optim.SGD, {"nesterov": True, "momentum": 0.9, "dampening": 0.1}, "nesterov needs momentum"),
        (nn.optim.Adam, {"betas": (0.9, 1.0)}, "Adam: betas"),
        (nn.optim.AdamW, {"eps": -1e-8}, "AdamW: eps"),
    ],
)
def test_bad_settings_are_refused(kind, settings, message):
    with pytest.raises(ValueError, match=message):
        kind([nn.Parameter(tl.ones(1))], **settings)


# --- saving -------------------------------------------------------------------------------------------------


@every_optimizer
def test_a_saved_and_loaded_optimizer_goes_on_bit_for_bit(make):
    straight, _ = learn(make, 6)
    p, optimizer = learn(make, 3)
    state = optimizer.state_dict()
    optimizer.step()  # must not reach what was saved
    again, restored = learn(make, 3)
    restored = make([again])
    restored.param_groups[0]["lr"] = 99
    restored.load_state_dict(state)
    learn(None, 3, p=again, optimizer=restored)
    assert again.tolist() == straight.tolist()


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


def test_a_state_that_does_not_fit_changes_nothing():
    p, optimizer = learn(MAKERS["adam"], 2)
    good = optimizer.state_dict()
    bad_shape = nn.optim.Adam([nn.Parameter(tl.ones(1))])
    learn(None, 1, p=bad_shape.param_groups[0]["params"][0], optimizer=bad_shape)
    two = nn.optim.Adam([nn.Parameter(tl.ones(1)), nn.Parameter(tl.ones(1))]).state_dict()
    bad_setting = {**good, "param_groups": [{**good["param_groups"][0], "lr": -1}]}
    for state, message in (
        (bad_shape.state_dict(), r"exp_avg has shape \(1,\), its parameter \(3, 2\)"),
        (two, r"groups of \[2\] parameters, and here are \[1\]"),
        (bad_setting, "lr must not be negative"),
    ):
        with pytest.raises(ValueError, match=message):
            optimizer.load_state_dict(state)
    after = optimizer.state_dict()
    assert after["param_groups"] == good["param_groups"]
    assert after["state"][0]["exp_avg"].tolist() == good["state"][0]["exp_avg"].tolist()
    assert p is optimizer.param_groups[0]["params"][0]


def test_it_is_shown_with_its_settings():
    text = repr(nn.optim.SGD(nn.Linear(10, 3).parameters(), lr=0.5))
    assert text.startswith("SGD(\n  33 parameters: lr=0.5, momentum=0.0")


# --- writing one's own --------------------------------------------------------------------------------------


def test_an_optimizer_of_ones_own():
    class Signs(Optimizer):
        """Steps of one length, by the signs of the gradient."""

        def __init__(self, params, lr):
            super().__init__(params, {"lr": lr})

        def update(self, param, grad, state, group):
            for p, g, scratch in blocks(param, grad):
                p -= np.multiply(np.sign(g), group["lr"], out=scratch)

    p = nn.Parameter(tl.tensor([1.0, -1.0]))
    optimizer = Signs([p], lr=0.25)
    (p * p).sum().backward()
    optimizer.step()
    assert p.tolist() == [0.75, -0.75]
    with pytest.raises(NotImplementedError, match="Optimizer does not say how"):
        plain = Optimizer([p], {"lr": 1})
        plain.step()


def test_blocks_cover_everything_once():
    for size in (0, 1, BLOCK, BLOCK + 1, 3 * BLOCK):
        p, other = np.zeros(size), np.ones(size)
        for part, one, scratch in blocks(p, other):
            assert part.shape == one.shape == scratch.shape
            assert part.size <= BLOCK
            part += one
        assert p.sum() == size
    turned = np.zeros((BLOCK, 2)).T  # not in C order, so no flat view of it could be written to
    for part, _ in blocks(turned):
        part += 1
    assert turned.all()
    assert len(list(blocks(strict.zeros(2 * BLOCK)))) == 1
