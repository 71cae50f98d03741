"""Workers exchange objects, and train one model to the results of one worker, to rounding. Here they are threads."""

from itertools import chain

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import nn
import tinygrad_lecture as tl
from nn.parallel.distribute import own_rows, take_rows
from nn.parallel.workers import THREADS, Group
from small_parallel import OPTIMIZERS, assert_close, assert_same_bits, in_threads, points, train
from tinygrad_lecture.autograd.modes import modes
from tinygrad_lecture.kernels.blas import openblas

F = nn.functional
SETTINGS = {
    **{name: {"optimizer": name} for name in OPTIMIZERS},
    "float64, without clipping, and its optimiser unknown": {"dtype": tl.float64, "clip": None, "known": False},
    "accumulated": {"accumulate": 2, "steps": 20},
    "fewer rows than workers": {"batch_size": 11},  # 23 rows: 11, 11, 1
}


@pytest.mark.parametrize(("name", "workers"), [*((name, 2) for name in SETTINGS), ("AdamW", 3), ("accumulated", 3)])
def test_weights_gradients_and_state_are_those_of_one_worker(name, workers):
    one = train(**SETTINGS[name])
    first, *others = in_threads(train, workers=workers, **SETTINGS[name])
    assert_close(first, one)
    for other in others:
        assert_same_bits(first, other)


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


def another_shape():
    nn.parallel.distribute(nn.Linear(3, 2 + nn.parallel.rank()))


def late_parameter():
    model, late = nn.Linear(3, 4), nn.Parameter(tl.ones(1))
    optimizer = nn.optim.SGD(model.parameters(), 0.1)
    nn.parallel.distribute(model, optimizer)
    optimizer.add_param_group({"params": [late]})
    (model(points()[0]) * late).sum().backward()


def recorded():
    model = nn.Linear(3, 1)
    nn.parallel.distribute(model)
    (model(points()[0]) ** 2).sum().backward(create_graph=True)


def sent_with_its_graph():
    nn.parallel.group().gather(tl.ones(1, requires_grad=True) * 2)


@pytest.mark.parametrize(
    ("work", "error", "message"),
    [
        (another_shape, ValueError, "the state does not fit Linear"),
        (late_parameter, RuntimeError, r"1 parameters came after nn\.parallel\.distribute: add them before"),
        (recorded, RuntimeError, r"create_graph=True\) cannot be averaged over workers"),
        (sent_with_its_graph, RuntimeError, "detach"),
        (lambda: nn.parallel.run(len, []), RuntimeError, "a worker of a run already"),
    ],
)
def test_what_workers_cannot_do_is_refused(work, error, message):
    with pytest.raises(error, match=message):
        in_threads(work)


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


# --- the rows of each worker --------------------------------------------------------------------------------


def member(rank, size):
    group = Group()
    group.rank, group.size = rank, size
    return group


def test_a_batch_keeps_its_structure():
    x, y = tl.arange(6).reshape(6, 1), np.arange(6)
    batch = {"x": x, "both": (x, [y, x])}
    taken = take_rows(batch, slice(2, 4))
    assert taken["x"].tolist() == [[2], [3]]
    assert type(taken["both"]) is tuple
    assert taken["both"][1][0].tolist() == [2, 3]


@pytest.mark.parametrize(
    ("batch", "error", "message"),
    [
        ((tl.ones(3, 1), tl.ones(4)), ValueError, r"have \[3, 4\] rows"),
        ((tl.ones(3), 2.0), TypeError, "no rows to share"),
        ((tl.ones(3), tl.tensor(1.0)), TypeError, "no rows to share"),
    ],
)
def test_a_batch_without_rows_to_share_is_refused(batch, error, message):
    with pytest.raises(error, match=message):
        own_rows(batch, member(0, 2))


def seen(loader, epochs=2):
    return [[numbers.tolist() for (numbers,) in nn.parallel.shares(loader)] for _ in range(epochs)]


@settings(max_examples=20)
@given(
    rows=st.integers(1, 20),
    batch_size=st.integers(1, 8),
    seed=st.sampled_from([None, 5]),
    workers=st.sampled_from([2, 3]),
)
def test_the_batches_are_those_of_one_worker_in_its_order(rows, batch_size, seed, workers):
    def look():
        tl.manual_seed(1)
        loader = nn.DataLoader(nn.TensorDataset(tl.arange(rows)), batch_size, shuffle=True, seed=seed)
        nn.parallel.distribute(nn.Linear(1, 1))  # from here on the workers draw different numbers
        tl.rand(nn.parallel.rank())
        return seen(loader)

    alone, together = look(), in_threads(look, workers=workers)
    for epoch, batches in enumerate(alone):
        for i, batch in enumerate(batches):
            parts = [each[epoch][i] for each in together]
            if len(batch) < workers:  # the others got a row that does not count
                assert all(part == [row] for part, row in zip(parts, batch, strict=False))
            else:
                assert list(chain.from_iterable(parts)) == batch


# --- the weight of each worker's gradient -------------------------------------------------------------------

UNEVEN = [tl.arange(3.0).double(), tl.arange(3.0, 6.0).double(), tl.tensor([6.0]).double()]
EVEN = [tl.arange(4.0).double(), tl.arange(4.0, 6.0).double()]


def each(batches):
    yield from nn.parallel.shares(batches)


def with_an_evaluation(batches):
    for x in nn.parallel.shares(batches):
        with tl.no_grad():
            losses = [nn.parallel.mean(row.sum()) for row in nn.parallel.shares([tl.ones(4), tl.ones(5)])]
        assert len(losses) == 2
        yield x


def the_first_of_each(batches):
    for i in range(len(batches)):
        yield next(iter(nn.parallel.shares(batches[i:])))


def all_at_first(batches):
    yield from list(nn.parallel.shares(batches))


def two_at_once(batches):
    for x, other in zip(nn.parallel.shares(batches), nn.parallel.shares(batches[::-1]), strict=True):
        yield tl.cat([x, other])


def gradients(loop, batches):
    """The gradient of a weight times the mean of x: the mean of each batch, over the rows of all workers."""
    model, found = nn.Linear(1, 1, bias=False).double(), []
    nn.parallel.distribute(model)
    for x in loop(batches):
        model(x.reshape(-1, 1)).mean().backward()
        found.append(model.weight.grad.item())
        model.zero_grad()
    return found


@pytest.mark.parametrize("loop", [each, with_an_evaluation, the_first_of_each])
def test_each_backward_weighs_the_rows_of_its_batch(loop):
    assert in_threads(gradients, loop, UNEVEN) == [pytest.approx([1, 4, 6])] * 2


@pytest.mark.parametrize("loop", [all_at_first, two_at_once])
def test_gradients_of_uneven_batches_that_cannot_be_weighed_are_refused(loop):
    with pytest.raises(RuntimeError, match=r"parts of them differ.*backward for each batch before the next; or .*even"):
        in_threads(gradients, loop, UNEVEN)


def test_even_batches_may_be_taken_in_any_way():
    assert in_threads(gradients, all_at_first, EVEN) == [pytest.approx([1.5, 4.5])] * 2


# --- batches that draw while they are iterated --------------------------------------------------------------


def drawn():
    """Batches as nanoGPT draws them: rows by chance."""
    for _ in range(4):
        yield tl.randint(0, 1000, (5,))


def test_batches_that_draw_are_those_of_one_worker():
    def look():
        tl.manual_seed(1)
        nn.parallel.distribute(nn.Linear(1, 1))
        found = []
        for _ in range(2):
            for x in nn.parallel.shares(drawn()):
                found.append(x.tolist())
                tl.rand(1 + nn.parallel.rank())  # as dropout does
        return found

    alone, together = look(), in_threads(look)
    for batch, *parts in zip(alone, *together, strict=True):
        assert list(chain.from_iterable(parts)) == batch
