"""names.html: what Python answers there, the same step with single numbers, and the page in Chromium."""

import json
import re

import numpy as np
import pytest

import tinygrad_lecture as tl
from browser import faults
from examples.tab import names
from examples.tab.scalars import ScalarGPT, engine


@pytest.fixture
def ask():
    """ask("train", steps=3, ...): an answer of a page that has just begun."""

    def ask(what, **request):
        return json.loads(getattr(names, what)(json.dumps(request)))

    assert ask("begin", seed=0) == {"steps": 1000}
    return ask


def test_a_training_in_slices_is_that_of_the_program(ask):
    told = [ask("train", steps=steps, seconds=60) for steps in (2, 1)]
    tl.manual_seed(0)
    learner = names.program.Learner(names.program.show.load_names(0))
    for _ in range(3):
        learner.step()
    assert told[0]["losses"] + told[1]["losses"] == learner.losses
    assert [one["step"] for one in told] == [2, 3]


def test_a_slice_ends_when_its_time_is_over(ask):
    assert len(ask("train", steps=500, seconds=0)["losses"]) == 1


def test_ten_names_are_written_after_every_hundred_steps_and_it_ends_after_all(ask, monkeypatch):
    monkeypatch.setattr(names, "STEPS", 103)
    names.learner.losses += 98 * [1.0]
    assert (told := ask("train", steps=1, seconds=60))["written"] == [] != told["losses"]
    assert len(ask("train", steps=9, seconds=60)["written"]) == 10
    assert len(ask("train", steps=9, seconds=60)["losses"]) == 3
    assert ask("train", steps=9, seconds=60) == {"step": 103, "losses": [], "written": []}


def test_the_next_letters_come_with_what_each_head_attends_to(ask):
    told = ask("letters", begin="mar")
    shares = [p for _, p in told["letters"]]
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(1)
    assert told["tokens"] == [".", "m", "a", "r"]
    weights = np.reshape(told["attention"]["numbers"], told["attention"]["shape"])
    np.testing.assert_allclose(weights.sum(axis=-1), np.ones((4, 4)), rtol=1e-6)
    assert len(ask("letters", begin="")["letters"]) == 27


def test_a_step_that_is_looked_into_is_not_taken(ask):
    opened, scalar = ask("opened"), ask("scalar", own={})
    assert opened["name"] == scalar["name"] == names.learner.names[0]
    assert f"<title>One step: {opened['name']}</title>" in opened["html"]
    assert scalar["loss"][1] == pytest.approx(scalar["loss"][0], rel=1e-5)
    assert scalar["loss"][0] == pytest.approx(ask("train", steps=1, seconds=60)["losses"][0], rel=1e-5)
    assert min(scalar["seconds"]) > 0


def test_single_numbers_find_the_loss_and_all_gradients_of_the_arrays(ask):
    learner = names.learner
    learner.model.to(tl.float64)
    loss = learner.loss(["mary"])
    loss.backward()
    Value, backward = engine({})
    model = ScalarGPT(learner.model, Value)
    found = model.loss(names.program.TOKENIZER.encode(".mary."))
    backward(found)
    assert found.data == pytest.approx(loss.item(), rel=1e-13)
    weights = {name.split(".")[-2]: p for name, p in learner.model.named_parameters() if p.requires_grad}
    assert {*weights} == {*model.weights}
    for name, p in weights.items():
        gradient = [[value.grad for value in row] for row in model.weights[name]]
        np.testing.assert_allclose(gradient, p.grad.numpy(), rtol=1e-11, atol=1e-15, err_msg=name)


CHAIN = "ch2_engine/ex3_chain.py"
OWN = "def send_back(node):\n    for x, slope in zip(node.parents, node.locals):\n        x.grad += %s"


@pytest.mark.parametrize(("line", "own"), [("slope * node.grad", True), ("1 / 0", False)])
def test_the_learner_s_own_engine_computes_it_and_the_solved_one_if_that_stops(line, own, ask):
    told = ask("scalar", own={CHAIN: OWN % line, "ch3_rules/ex1_add.py": "not Python"})
    assert told["own"] is own
    assert told["loss"][1] == pytest.approx(told["loss"][0], rel=1e-5)


# --- the page, in Chromium --------------------------------------------------------------------------------------------


@pytest.fixture
def page(visit, served):
    page = visit(f"{served}names.html")
    page.locator("#next li").first.wait_for(timeout=60_000)
    return page


@pytest.mark.browser
def test_it_learns_writes_names_and_pauses(page):
    assert page.evaluate("names.train(100)") < 3.3
    assert page.inner_text("#said").startswith("100 steps of 1,000. Loss 2.")
    assert page.locator("#written dd").count() == 1
    page.click("#one")
    page.locator("#said", has_text="101 steps of").wait_for()
    page.click("#train")
    page.locator("#written dt", has_text="200").wait_for()
    page.click("#train")
    page.locator("#train", has_text="Train").wait_for()
    paused = page.inner_text("#said")
    assert int(re.match("[0-9]+", paused)[0]) < 1000
    page.click("#anew")
    page.locator("#said", has_text=re.compile("^0 steps of")).wait_for()
    assert page.locator("#written dd").count() == 0


@pytest.mark.browser
def test_a_training_that_is_asked_for_before_python_is_there_begins_when_it_is(visit, served):
    page = visit(f"{served}names.html")
    page.click("#train")
    page.locator("#written dt", has_text="100").wait_for(timeout=60_000)


@pytest.mark.browser
def test_a_name_that_one_begins_goes_on_and_what_is_no_letter_is_said(page):
    page.fill("#begin", "Olé2")
    page.locator("#heads th", has_text="l").first.wait_for()
    assert page.inner_text("#unknown") == "It knows the letters a to z, and skips é 2."
    assert page.locator("#heads caption").all_inner_texts() == ["head 1", "head 2", "head 3", "head 4"]
    assert page.locator("#heads table").first.locator("thead th").all_inner_texts() == [".", "o", "l"]
    assert page.locator("#next li").count() == 8


@pytest.mark.browser
def test_a_step_is_opened_in_a_frame_and_compared_with_single_numbers(page):
    page.click("#open")
    frame = page.frame_locator("#step")
    frame.locator("#title", has_text="One step: ").wait_for()
    frame.locator("#next").click()
    assert frame.locator("#panel").inner_text().startswith("forward")
    page.click("#scalar")
    page.locator(
        "#compared", has_text=re.compile(r" by the engine of .* times as long\. Both found the loss")
    ).wait_for()


@pytest.mark.browser
def test_the_engine_is_one_s_own_if_one_has_written_it(page):
    files = {CHAIN: OWN % "slope * node.grad"}
    files["progress.json"] = json.dumps({"passed": dict.fromkeys(("2.2", "2.3", "2.4", "2.5"), 1)})
    page.evaluate("text => localStorage.setItem('exercises', text)", json.dumps(files))
    page.reload()
    page.click("#scalar")
    page.locator("#compared", has_text=" by your own engine of chapter 2.").wait_for(timeout=60_000)


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_page_is_accessible_and_fits(theme, width, visit, served):
    page = visit(f"{served}names.html", viewport={"width": width, "height": 800}, color_scheme=theme, bypass_csp=True)
    page.locator("#heads table").first.wait_for(timeout=60_000)
    page.evaluate("names.train(100)")
    page.click("#open")
    page.frame_locator("#step").locator("#title", has_text="One step: ").wait_for()
    assert faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
