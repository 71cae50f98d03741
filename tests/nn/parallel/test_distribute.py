"""Workers exchange objects, and train one model to the results of one worker, to rounding. Here they are threads."""

import numpy as np
import pytest

import nn
import tinygrad_lecture as tl
from nn.parallel.group import THREADS
from small_parallel import OPTIMIZERS, Parts, assert_close, assert_same_bits, in_threads, points, train
from tinygrad_lecture.autograd.modes import modes
from tinygrad_lecture.kernels.blas import openblas

F = nn.functional
SETTINGS = {
    **{name: {"optimizer": name} for name in OPTIMIZERS},
    "without clipping": {"clip": None},
    "float64": {"dtype": tl.float64},
    "without its optimiser": {"known": False},
    "accumulated": {"accumulate": 2, "steps": 20},
    "accumulated without exchange": {"accumulate": 2, "no_sync": True, "batch_size": 23},  # equal rows each time
    "fewer rows than workers": {"batch_size": 11},  # 23 rows: 11, 11, 1
}


@pytest.mark.parametrize(("name", "workers"), [*((name, 2) for name in SETTINGS), ("AdamW", 3), ("accumulated", 3)])
def test_weights_gradients_and_state_are_those_of_one_worker(name, workers):
    one = train(**SETTINGS[name])
    first, *others = in_threads(train, workers=workers, **SETTINGS[name])
    assert_close(first, one)
    for other in others:
        assert_same_bits(first, other)


def test_a_worker_alone_trains_as_without_these_lines():
    def plain():
        tl.manual_seed(0)
        model = Parts()
        optimizer = OPTIMIZERS["AdamW"](model.parameters())
        for _ in range(2):
            for x, y in nn.DataLoader(nn.TensorDataset(*points()), 10, shuffle=True):
                optimizer.zero_grad()
                F.cross_entropy(model(x), y).backward()
                nn.clip_grad_norm_(model.parameters(), 1.0)
                optimizer.step()
        return {name: p.detach().numpy() for name, p in model.named_parameters()}

    expected = plain()
    result = train(steps=6)
    assert_same_bits({name: result[name] for name in expected}, expected)


def test_the_other_workers_take_over_the_weights_and_buffers_of_worker_0():
    def begin():
        tl.manual_seed(nn.parallel.rank())
        model = nn.Linear(3, 2)
        model.register_buffer("seen", tl.full((2,), float(nn.parallel.rank())))
        distributed = nn.parallel.distribute(model)
        model.seen.add_(nn.parallel.rank())
        distributed.copy_buffers()
        return {name: value.numpy().copy() for name, value in model.state_dict().items()}

    first, second = in_threads(begin)
    assert_same_bits(first, second)
    assert first["seen"].tolist() == [0, 0]


def test_a_model_of_another_shape_is_refused():
    def begin():
        nn.parallel.distribute(nn.Linear(3, 2 + nn.parallel.rank()))

    with pytest.raises(ValueError, match="the state does not fit Linear"):
        in_threads(begin)


def test_a_parameter_of_the_optimiser_alone_is_trained_as_well():
    def fit():
        tl.manual_seed(0)
        model, scale = nn.Linear(3, 4), tl.ones(1, requires_grad=True)
        optimizer = nn.optim.SGD([*model.parameters(), scale], 0.1)
        nn.parallel.distribute(model, optimizer)
        for x, y in nn.parallel.shares([points()] * 3):
            optimizer.zero_grad()
            F.cross_entropy(model(x) * scale, y).backward()
            optimizer.step()
        return {"scale": scale.detach().numpy()}

    one = fit()
    for result in in_threads(fit):
        assert_close(result, one)


def test_a_parameter_that_the_optimiser_got_later_is_refused():
    def fit():
        model, late = nn.Linear(3, 4), nn.Parameter(tl.ones(1))
        optimizer = nn.optim.SGD(model.parameters(), 0.1)
        nn.parallel.distribute(model, optimizer)
        optimizer.add_param_group({"params": [late]})
        (model(points()[0]) * late).sum().backward()
        optimizer.step()

    with pytest.raises(RuntimeError, match=r"1 parameters came after nn\.parallel\.distribute: add them before"):
        in_threads(fit)


def test_recorded_gradients_are_refused():
    def differentiate():
        model = nn.Linear(3, 1)
        nn.parallel.distribute(model)
        (model(points()[0]) ** 2).sum().backward(create_graph=True)

    with pytest.raises(RuntimeError, match=r"create_graph=True\) cannot be averaged over workers"):
        in_threads(differentiate)


def test_numbers_drawn_after_distribute_differ_but_follow_from_the_seed():
    def draw():
        tl.manual_seed(3)
        before = tl.rand(1).item()
        nn.parallel.distribute(nn.Linear(1, 1))
        return before, tl.rand(1).item()

    (a, first), (b, second) = in_threads(draw)
    assert a == b
    assert first != second
    assert in_threads(draw) == [(a, first), (b, second)]
    assert draw()[1] == first  # worker 0 draws what a worker alone would


def test_the_mean_of_a_number_is_weighted_by_rows():
    def losses():
        x, y = points(5)
        model = nn.Linear(3, 4)
        nn.parallel.distribute(model)
        for a, b in nn.parallel.shares([(x, y)]):
            mean = nn.parallel.mean(F.cross_entropy(model(a), b))
        return mean, F.cross_entropy(model(x), y).item()

    for mean, whole in in_threads(losses):
        assert mean == pytest.approx(whole, rel=1e-6)


@pytest.mark.parametrize("fails", [False, True])
def test_after_a_run_model_and_optimiser_are_as_before_it(fails):
    model = nn.Linear(3, 4)
    optimizer = nn.optim.Adam(model.parameters())
    own = nn.parallel.rank

    def fit(model, optimizer):
        nn.parallel.distribute(model, optimizer)
        F.cross_entropy(model(points()[0]), points()[1]).backward()
        optimizer.step()
        if fails:
            raise FloatingPointError

    try:
        in_threads(fit, model, optimizer)
    except FloatingPointError:
        assert fails
    assert modes.after_backward == ()
    assert own() == 0
    assert nn.parallel.size() == 1
    model.zero_grad()
    model(points()[0]).sum().backward()  # waits for nobody
    np.testing.assert_allclose(model.bias.grad.numpy(), 23)


# --- the group ----------------------------------------------------------------------------------------------


def test_everyone_hears_every_number_and_object():
    def tell():
        group = nn.parallel.group()
        numbers = np.arange(3.0) + group.rank
        group.add_up(numbers)
        return group.gather({"rank": group.rank, "x": tl.ones(1)}), group.broadcast(("from", group.rank)), numbers

    for told, first, numbers in in_threads(tell, workers=3):
        assert [(each["rank"], each["x"].item()) for each in told] == [(0, 1), (1, 1), (2, 1)]
        assert first == ("from", 0)
        assert numbers.tolist() == [3, 6, 9]


@pytest.mark.parametrize("other", [0, 2])
def test_workers_at_different_places_are_told_so(other):
    def go():
        group = nn.parallel.group()
        group.meet("saving" if group.rank == other else "backward")

    with pytest.raises(RuntimeError, match=f"different places of the program: .*worker {other} in saving.*rank"):
        in_threads(go, workers=3)


def test_a_tensor_computed_from_others_and_a_run_within_a_run_are_refused():
    with pytest.raises(Exception, match="computed from others cannot be sent"):
        in_threads(lambda: nn.parallel.group().gather(tl.ones(1, requires_grad=True) * 2))
    with pytest.raises(RuntimeError, match="a worker of a run already"):
        in_threads(nn.parallel.run, len, [])


@pytest.mark.skipif(openblas() is None, reason="NumPy has another BLAS than OpenBLAS here")
@pytest.mark.parametrize(("environment", "threads"), [({}, 1), ({"OMP_NUM_THREADS": "2"}, 2)])
def test_openblas_uses_one_thread_while_workers_train(monkeypatch, environment, threads):
    get, set_ = openblas()
    for name in THREADS:
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    before = get()
    set_(2)
    try:
        assert in_threads(lambda: openblas()[0]()) == [threads] * 2
        assert get() == 2
    finally:
        set_(before)
