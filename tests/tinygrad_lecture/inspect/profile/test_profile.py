"""tl.profile: calls, bytes and time of each op, by the module that calls it; and its page."""

import re
import threading
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


def test_ops_and_their_rules_count_for_the_module_that_called_the_op():
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh())
    with tl.profile() as profile:
        model(tl.ones(2, 3)).sum().backward()
    assert found(profile) == {
        **{("Sequential.0", "linear", b): 1 for b in (False, True)},
        **{("Sequential.1", "tanh", b): 1 for b in (False, True)},
        **{("", "sum", b): 1 for b in (False, True)},
    }


def test_what_a_rule_calls_counts_for_the_rule():
    x = tl.ones(3, requires_grad=True)
    with tl.profile() as profile:
        (slope,) = tl.grad((x**3).sum(), x, create_graph=True)
    assert [key for key in found(profile) if not key[2]] == [("", "pow", False), ("", "sum", False)]
    assert slope.tolist() == [3, 3, 3]


def test_the_table_says_where_time_goes():
    x = tl.ones(3, requires_grad=True)
    with tl.profile() as profile:
        tl.exp(x).sum().backward()
    lines = str(profile).split("\n")
    assert lines[0].split() == ["time", "share", "calls", "forward", "calls", "backward", "bytes"]
    assert {line.split()[0] for line in lines[1:]} == {"exp", "sum", "outside", "together"}
    assert "(no module)" in profile.table("module")
    assert repr(profile) == str(profile)
    assert "exp" in profile._repr_html_()
    with pytest.raises(ValueError, match='by must be "op", "module" or "both", not 3'):
        profile.table(3)


def calls(line):
    """The numbers of calls in a line of a table: of the op, and of its rule."""
    return [int(text) for text in re.search(r"% +(\d+) .*?s +(\d+) ", line).groups()]


def test_calls_forward_and_backward_are_two_numbers():
    model = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
    with tl.profile() as profile:
        model(tl.ones(2, 3))
        model(tl.ones(2, 3)).sum().backward()
    (line,) = [line for line in str(profile).split("\n") if line.startswith("linear")]
    assert calls(line) == [4, 2]


def trained(kind, **settings):
    """The profile of three steps of an optimiser, and the optimiser."""
    w = tl.ones(3, requires_grad=True)
    optimizer = kind([w], **settings)

    def closure():
        optimizer.zero_grad()
        loss = (w * w).sum()
        loss.backward()
        return loss

    with tl.profile() as profile:
        for _ in range(3):
            optimizer.step(closure)
    return profile, optimizer


def test_an_optimiser_has_entries_of_its_own_without_the_ops_in_its_closure():
    profile, _ = trained(nn.optim.Adam, lr=0.1)
    assert found(profile) == {
        ("", "Adam.step", None): 3, ("", "Adam.zero_grad", None): 3,
        **{("", op, backward): 3 for op in ("mul", "sum") for backward in (False, True)},
    }  # fmt: skip
    assert sum(part.seconds for part in profile.spent) <= profile.seconds
    (line,) = [line for line in profile.table("module").split("\n") if line.startswith("Adam.step")]
    assert len(line.split()) == 5  # its time in no column but the first: name, time, unit, share, calls
    assert [part["name"] for part in profile._tree()["parts"]][2:] == ["Adam.zero_grad", "Adam.step", "outside of ops"]


def test_a_step_that_calls_the_step_it_inherits_is_one_and_its_hooks_are_called():
    class Twice(nn.optim.SGD):
        def step(self, closure=None):
            super().step()
            return super().step(closure)

    seen, before = [], dict(vars(nn.optim.Optimizer))
    w = tl.ones(3, requires_grad=True)
    w.sum().backward()
    optimizer = Twice([w], lr=0.5)
    optimizer.register_step_post_hook(lambda *_: seen.append(w.tolist()))
    with tl.profile() as profile:
        optimizer.step()
    assert found(profile) == {("", "Twice.step", None): 1}
    assert seen == [[0, 0, 0]]
    assert dict(vars(nn.optim.Optimizer)) == before


def test_by_module_each_row_has_the_total_of_all_that_is_in_it():
    block = nn.Sequential(nn.Linear(3, 4), nn.Tanh())
    model = nn.Sequential(block, nn.Linear(4, 2))
    with tl.profile() as profile:
        model(tl.ones(2, 3)).sum().backward()
    lines = [line for line in profile.table("module").split("\n")[1:-2] if "(no module)" not in line]
    table = {line.split()[0]: (len(line) - len(line.lstrip()), calls(line)) for line in lines}
    assert table == {
        "Sequential": (0, [3, 3]), "Sequential.0": (2, [2, 2]), "0.0": (4, [1, 1]), "0.1": (4, [1, 1]),
        "Sequential.1": (2, [1, 1]),
    }  # fmt: skip


def test_printed_it_names_the_modules_that_took_a_twentieth_of_the_time():
    seconds = {"GPT.blocks.0": 0.9, "GPT.blocks.1": 0.07, "GPT.norm": 0.03}
    profile = Profile([Spent(path, "linear", False, 1, t, 8) for path, t in seconds.items()], seconds=2.0)
    by_op, by_module = str(profile).split("\n\n")
    assert by_op == profile.table("op")
    assert [line.split()[0] for line in by_module.split("\n")[1:]] == ["GPT", "blocks", "blocks.0", "blocks.1"]
    assert [line.split()[3] for line in by_module.split("\n")[1:]] == ["50%", "48%", "45%", "4%"]
    assert "norm" in profile.table("module")


def test_only_this_thread_is_measured_and_the_ops_are_as_before_afterwards():
    x, before = tl.ones(3, requires_grad=True), dict(vars(Op))
    with suppress(RuntimeError), tl.profile() as profile:
        thread = threading.Thread(target=lambda: tl.cos(x))
        thread.start()
        thread.join()
        tl.sin(x)
        raise RuntimeError
    assert found(profile) == {("", "sin", False): 1}
    assert dict(vars(Op)) == before
    tl.sin(x)
    assert found(profile) == {("", "sin", False): 1}


def test_an_error_of_an_op_is_the_same_and_measuring_goes_on():
    with tl.profile() as profile:
        with pytest.raises(tl.TensorError, match="matmul"):
            tl.ones(2, 3) @ tl.ones(4, 3)
        tl.ones(2) * 2
    assert ("", "mul", False) in found(profile)


def test_a_block_within_a_block_measures_too():
    x = tl.ones(3)
    with tl.profile() as outer:
        with tl.profile() as inner:
            tl.exp(x)
        tl.exp(x)
    assert found(inner) == {("", "exp", False): 1}
    assert found(outer) == {("", "exp", False): 2}


def test_the_tree_of_the_page_adds_up(tmp_path):
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh())
    with tl.profile() as profile:
        model(tl.ones(2, 3)).sum().backward()
    forward, backward, outside = profile._tree()["parts"]
    assert [part["name"] for part in (forward, backward, outside)] == ["forward", "backward", "outside of ops"]
    assert sum(part["seconds"] for part in (forward, backward, outside)) == pytest.approx(profile.seconds)
    (module,) = [part for part in forward["parts"] if part["name"] == "Sequential"]
    assert {part["name"] for part in module["parts"]} == {"0", "1"}
    assert profile.page(tmp_path / "profile.html").read_text("utf-8").count("</script>") == 2


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
