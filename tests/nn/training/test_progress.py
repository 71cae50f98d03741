"""Progress displays: which one is chosen, and what it shows when; Ctrl-C: first noted, then it aborts."""

import signal
import sys
import threading

import pytest

import tinygrad_lecture as tl
from nn.training import progress as module
from nn.training.progress import Bar, Lines, Progress, choose_display, noting_ctrl_c


@pytest.fixture
def clock(monkeypatch):
    """A clock that only moves when told to: clock(seconds)."""
    now = [0.0]
    monkeypatch.setattr(module.time, "perf_counter", lambda: now[0])

    def wait(seconds):
        now[0] += seconds

    return wait


def not_asked():
    raise AssertionError("scores cost time: they are only computed when shown")


def test_the_display_suits_the_output(monkeypatch):
    assert type(choose_display(1, 1, show=False)) is Progress
    assert type(choose_display(1, 1)) is Lines  # pytest's output is no terminal
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert type(choose_display(1, 1)) is Bar
    monkeypatch.setitem(sys.modules, "rich", None)
    assert type(choose_display(1, 1)) is Lines


def test_lines_for_the_first_row_the_last_and_one_per_second(capsys, clock):
    with Lines(1200) as display:
        display.record(1, "loss 0")
    with Lines(1200, per_epoch=100) as display:
        for epoch in range(1, 13):
            clock(0.4)
            display.step(epoch * 100, not_asked)
            display.record(epoch * 100, f"loss {epoch}")
    assert capsys.readouterr().out.splitlines() == [
        "step     1/1,200   loss 0",
        "epoch  1/12   loss 1   4 s left",
        "epoch  3/12   loss 3   4 s left",
        "epoch  6/12   loss 6   2 s left",
        "epoch  9/12   loss 9   1 s left",
        "epoch 12/12   loss 12   0 s left",
    ]


@pytest.mark.parametrize("why", ["small", "float64", "Numba is there", "turned off"])
def test_no_advice_where_it_would_not_help(monkeypatch, why):
    monkeypatch.setattr(module, "installed", lambda: why == "Numba is there")
    monkeypatch.delenv("NUMBA_DISABLE_JIT", raising=False)
    if why == "turned off":
        monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")
    parameter = tl.zeros(30 if why == "small" else 300, 200, dtype=tl.float64 if why == "float64" else tl.float32)
    assert module.advice([parameter]) is None


# --- Ctrl-C -------------------------------------------------------------------------------------------------


def press():
    signal.raise_signal(signal.SIGINT)


def test_the_first_press_is_noted_and_the_second_aborts():
    before = signal.getsignal(signal.SIGINT)
    with noting_ctrl_c() as pressed:
        assert not pressed.is_set()
        press()
        assert pressed.is_set()
        with pytest.raises(KeyboardInterrupt):
            press()
    assert signal.getsignal(signal.SIGINT) is before


def test_where_ctrl_c_is_ignored_it_stays_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with noting_ctrl_c() as pressed:
            press()
            assert not pressed.is_set()
    finally:
        signal.signal(signal.SIGINT, before)


def test_it_does_nothing_in_other_threads():
    seen = []

    def work():
        with noting_ctrl_c() as pressed:
            seen.append(pressed.is_set())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [False]
