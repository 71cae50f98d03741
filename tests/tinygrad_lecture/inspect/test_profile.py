"""tl.profile: calls, bytes and time of each op, by the module that calls it; and its page."""

import threading
import time
from contextlib import suppress

import pytest

import nn
import tinygrad_lecture as tl
from tinygrad_lecture.autograd.op import Op
from tinygrad_lecture.inspect.profile import Profile, Spent


def found(profile):
    """(path, op, backward) -> calls."""
    return {(part.path, part.op, part.backward): part.calls for part in profile.spent}


def test_each_op_is_counted_forward_and_backward():
    x = tl.ones(10, 10, requires_grad=True)
    with tl.profile() as profile:
        (tl.exp(x) * tl.exp(x)).sum().backward()
    calls = {key: n for key, n in found(profile).items() if key[1] in ("exp", "mul", "sum")}
    assert calls == {("", op, b): 2 if op == "exp" else 1 for op in ("exp", "mul", "sum") for b in (False, True)}
    sizes = {part.op: part.bytes for part in profile.spent if not part.backward}
    assert sizes == {"exp": 800, "mul": 400, "sum": 4}
    assert {part.op: part.bytes for part in profile.spent if part.backward} == {"exp": 800, "mul": 800, "sum": 400}
    assert 0 < sum(part.seconds for part in profile.spent) <= profile.seconds


def in_modules():
    nn.Sequential(nn.Linear(3, 4), nn.Tanh())(tl.ones(2, 3)).sum().backward()


def in_a_rule():
    x = tl.ones(3, requires_grad=True)
    (slope,) = tl.grad((x**3).sum(), x, create_graph=True)
    assert slope.tolist() == [3, 3, 3]


def in_another_thread():
    thread = threading.Thread(target=lambda: tl.cos(tl.ones(3)))
    thread.start()
    thread.join()
    tl.sin(tl.ones(3))


def after_an_error():
    with pytest.raises(tl.TensorError, match="matmul"):
        tl.ones(2, 3) @ tl.ones(4, 3)
    tl.ones(2) * 2


class Twice(nn.optim.SGD):
    def step(self, closure=None):
        super().step()
        return super().step(closure)


def step_of_step():
    w = tl.ones(3, requires_grad=True)
    w.grad = tl.ones(3)
    Twice([w], lr=0.5).step()


def optimiser():
    w = tl.ones(3, requires_grad=True)
    adam = nn.optim.Adam([w], lr=0.1)

    def closure():
        adam.zero_grad()
        loss = (w * w).sum()
        loss.backward()
        return loss

    adam.step(closure)


BOTH = (False, True)
COUNTED = {  # a program -> what of it counts: (module, op, whether it is the rule)
    in_modules: [
        (m, op, b) for m, op in (("Sequential.0", "linear"), ("Sequential.1", "tanh"), ("", "sum")) for b in BOTH
    ],
    in_a_rule: [("", "pow", False), ("", "sum", False), ("", "sum", True), ("", "pow", True)],
    in_another_thread: [("", "sin", False)],
    after_an_error: [("", "mul", False)],
    step_of_step: [("", "Twice.step", None)],
    optimiser: [
        ("", "Adam.step", None),
        ("", "Adam.zero_grad", None),
        *(("", op, b) for op in ("mul", "sum") for b in BOTH),
    ],
}


@pytest.mark.parametrize("program", COUNTED)
def test_what_counts_and_for_what(program):
    before = dict(vars(Op)), dict(vars(nn.optim.Optimizer))
    with tl.profile() as outer:
        tl.exp(tl.ones(2))
        with tl.profile() as profile:
            program()
    assert found(profile) == dict.fromkeys(COUNTED[program], 1)
    assert found(outer) == found(profile) | {("", "exp", False): 1}  # a block within a block measures too
    assert sum(part.seconds for part in profile.spent) <= profile.seconds
    assert (dict(vars(Op)), dict(vars(nn.optim.Optimizer))) == before


@tl.op
def slow(x, /):
    time.sleep(0.02)
    return x * 1


def test_time_counts_once_for_what_took_it():
    w = tl.ones(3, requires_grad=True)
    w.grad = tl.ones(3)
    with tl.profile() as profile:
        nn.optim.SGD([w], lr=0.1).step(lambda: slow(tl.ones(3)))
    seconds = {part.op: part.seconds for part in profile.spent}
    assert seconds["slow"] >= 0.02
    assert sum(seconds.values()) <= profile.seconds


def test_printed_it_names_the_modules_that_took_a_twentieth_of_the_time():
    seconds = {"GPT.blocks.0": 0.9, "GPT.blocks.1": 0.07, "GPT.norm": 0.03}
    profile = Profile([Spent(path, "linear", False, 1, t, 8) for path, t in seconds.items()], seconds=2.0)
    by_op, by_module = str(profile).split("\n\n")
    assert by_op == profile.table("op")
    assert [line.split()[0] for line in by_module.split("\n")[1:]] == ["GPT", "blocks", "blocks.0", "blocks.1"]
    assert [line.split()[3] for line in by_module.split("\n")[1:]] == ["50%", "48%", "45%", "4%"]
    assert "norm" in profile.table("module")


def test_after_an_error_of_the_program_nothing_is_measured_any_more():
    before = dict(vars(Op))
    with suppress(RuntimeError), tl.profile() as profile:
        tl.sin(tl.ones(3))
        raise RuntimeError
    assert dict(vars(Op)) == before
    tl.sin(tl.ones(3))
    assert found(profile) == {("", "sin", False): 1}


@pytest.mark.browser
def test_the_bars_of_the_page_are_as_wide_as_their_times(visit, tmp_path):
    parts = [("Net.0", "linear", False), ("Net.1", "tanh", False), ("", "sum", True), ("", "Adam.step", None)]
    spent = [Spent(*part, 1, seconds, 8) for seconds, part in enumerate(parts, start=1)]
    page = visit(Profile(spent, seconds=12.0).page(tmp_path / "profile.html"))
    told = "bars => bars.map((bar) => [bar.innerText, parseFloat(bar.style.width)])"
    bars = page.locator("button.flame").evaluate_all(told)
    wide = [("all", 12), ("forward", 3), ("backward", 3), ("Adam.step", 4), ("outside of ops", 2)]
    wide += [("Net", 3), ("sum", 3), ("1", 2), ("0", 1), ("tanh", 2), ("linear", 1)]
    assert bars == [[name, pytest.approx(100 * seconds / 12, abs=1e-3)] for name, seconds in wide]


@pytest.mark.browser
def test_a_bar_opens_to_full_width_and_closes(visit, tmp_path):
    model = nn.Sequential(nn.Linear(100, 400), nn.Tanh())
    with tl.profile() as profile:
        model(tl.ones(200, 100)).sum().backward()
    page = visit(profile.page(tmp_path / "profile.html"))
    page.locator("button.flame", has_text="backward").click()
    assert page.locator("#path [aria-current]").inner_text() == "backward"
    assert page.locator("button.flame", has_text="forward").count() == 0
    page.keyboard.press("Escape")
    assert page.locator("#path [aria-current]").inner_text() == "all"


@pytest.mark.browser
def test_no_bar_is_wider_than_its_time(visit, tmp_path):
    parts = [Spent("", f"op{i}", False, 1, 0.002, 8) for i in range(400)]
    page = visit(Profile(parts, seconds=0.8).page(tmp_path / "profile.html"))
    bars = page.evaluate(
        "[...document.querySelectorAll('button.flame')].map((bar) => bar.getBoundingClientRect().right)"
    )
    assert len(bars) == 402
    assert max(bars) == pytest.approx(bars[0], abs=0.5)


def test_a_thread_that_ends_its_block_leaves_that_of_another_as_it_is():
    x, before = tl.ones(3), dict(vars(Op))
    begun, over = threading.Event(), threading.Event()

    def other():
        with tl.profile():
            begun.set()
            over.wait(10)

    thread = threading.Thread(target=other)
    thread.start()
    begun.wait(10)
    with tl.profile() as profile:
        over.set()
        thread.join()
        tl.exp(x)
    assert found(profile) == {("", "exp", False): 1}
    assert dict(vars(Op)) == before
