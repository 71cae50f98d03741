"""The pages one plays with: they compute what the engine computes, and do what their buttons say."""

import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import nn
import tinygrad_lecture as tl
from browser import assert_accessible
from examples.site import cheat_sheet, notebook, pages
from helpers.mnist import load_digits
from helpers.training import digit_network
from programs import load, output_of_command
from transformer import GPT, BPETokenizer, GPTConfig

ROOT = Path(__file__).parent.parent.parent
pytestmark = pytest.mark.browser
IN_A_WORKER = """async (told) => {
  const { worker: text } = JSON.parse(document.getElementById("data").textContent);
  const worker = new Worker(URL.createObjectURL(new Blob([text], { type: "text/javascript" })));
  worker.postMessage({ tell: "begin", ...told });
  for (let i = 0; i < told.steps; i += 1) worker.postMessage({ tell: "run", time: 0 });
  return new Promise((resolve) => {
    worker.onmessage = ({ data }) => data.steps === told.steps &&
      resolve([data.costs[0], data.layers.map(({ weight, bias }) => [[...weight], [...bias]])]);
  });
}"""


@pytest.fixture(scope="session")
def digit_page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    text, _ = output_of_command(load("02_digits"), "--page", "--epochs", 1, "--out", folder)
    assert text.splitlines()[-1].startswith(f"{folder / 'digit.html'}: ")
    assert "All pages" not in (folder / "digit.html").read_text("utf-8")  # there are no others
    return folder / "digit.html"


def test_a_hundred_steps_in_the_page_are_those_of_the_engine(visit, digit_page):
    digits = load_digits()
    x, labels = digits.train_images[:150].astype(np.float64), digits.train_labels[:150]
    wanted = np.eye(10)[labels]
    tl.manual_seed(3)
    model = digit_network().to(tl.float64)
    layers = [
        {"inputs": layer.in_features, "outputs": layer.out_features, "activation": "sigmoid",
         "weight": layer.weight.numpy(force=True).T.ravel().tolist(), "bias": layer.bias.numpy(force=True).tolist()}
        for layer in model if isinstance(layer, nn.Linear)
    ]  # fmt: skip
    told = {"network": {"layers": layers}, "examples": {"inputs": x.tolist(), "wanted": wanted.tolist()}, "steps": 100,
            "test": {"inputs": x[:5].tolist(), "labels": labels[:5].tolist()}, "settings": {"batch": 150, "rate": 1.0},
            "seed": 7}  # fmt: skip
    cost, found = visit(digit_page).evaluate(IN_A_WORKER, told)
    optimizer = nn.optim.SGD(model.parameters(), 1.0)
    for _ in range(100):
        optimizer.zero_grad()
        loss = ((model(tl.tensor(x)) - tl.tensor(wanted)) ** 2).sum(axis=1).mean()
        loss.backward()
        optimizer.step()
    assert cost == pytest.approx(loss.item(), abs=1e-9)
    for layer, (weight, bias) in zip((part for part in model if isinstance(part, nn.Linear)), found, strict=True):
        shape = layer.weight.shape[::-1]
        np.testing.assert_allclose(np.reshape(weight, shape).T, layer.weight.numpy(force=True), atol=1e-5)
        np.testing.assert_allclose(bias, layer.bias.numpy(force=True), atol=1e-5)


def test_one_draws_with_mouse_and_keys_and_clears(visit, digit_page):
    page = visit(digit_page)
    page.click("#clear")
    assert page.inner_text("#said") == "Nothing is drawn. Draw a digit in the square."
    box = page.locator("#paper").bounding_box()
    page.mouse.move(box["x"] + 140, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + 140, box["y"] + 240, steps=8)
    page.locator("#said", has_text="It reads ").wait_for()
    page.mouse.up()
    page.click("#clear")
    assert page.locator("#network .best").count() == 0 == len(page.inner_text("#neuron"))
    page.click("#noise")  # the first stroke takes it away
    for key in (" ", *["ArrowDown"] * 6):
        page.press("#paper", key)
    page.locator("#said", has_text="It reads ").wait_for()
    assert page.evaluate("document.querySelector('#paper').getContext('2d').getImageData(5, 5, 1, 1).data[0]") == 0
    page.click("#clear")  # lifts the pen
    page.press("#paper", "ArrowUp")
    assert page.inner_text("#said").startswith("Nothing is drawn.")


@pytest.mark.parametrize(("name", "keys", "told"), [
    ("digit_page", ["ArrowRight", *["ArrowDown"] * 13], "Neuron 13 of hidden layer 2: "),
    ("digit_page", ["ArrowUp", "ArrowRight", "ArrowLeft"], "Neuron 0 of hidden layer 1: "),
    ("play_page", ["ArrowRight", "ArrowDown"], "Hidden layer 2, neuron 1: "),
])  # fmt: skip
def test_all_neurons_are_one_stop_of_the_tab_key(name, keys, told, visit, request):
    page = visit(request.getfixturevalue(name))
    stop = page.locator("#network [tabindex='0']")
    for key in keys:
        stop.press(key)
    assert stop.count() == 1
    for key in ("Enter", "Space"):
        page.keyboard.press(key)
        assert page.inner_text("#neuron").startswith(told)
    assert page.locator("#network [aria-pressed='true']").count() == 1
    if "layer 1: " in told:  # its weights, and weights × pixels
        assert page.locator("#neuron canvas").count() == 2


def test_it_trains_step_by_step_and_pauses(visit, digit_page):
    page = visit(digit_page)
    page.click("#anew")
    page.click("#one")
    page.locator("#progress", has_text=re.compile("^1 step,")).wait_for()
    assert "this step's gradient" in page.inner_text("#progress")
    page.click("#train")
    page.locator("#progress", has_text=re.compile(r"^([4-9]|\d\d+) steps")).wait_for()
    page.click("#train")
    assert page.inner_text("#train") == "Train"
    page.click("#back")
    assert page.inner_text("#progress").startswith("0 steps")
    for batch, rate, said in (("32", "100", "the gradient is gone"), ("1", "10", "Its answer is nearly the same"),
                              ("32", "0.01", "The cost has hardly fallen")):  # fmt: skip
        page.select_option("#batch", batch)
        page.select_option("#rate", rate)
        page.click("#anew")
        page.click("#train")
        page.locator("#progress", has_text=said).wait_for(timeout=60_000)


def test_what_one_drew_becomes_training_data(visit, digit_page):
    page = visit(digit_page)
    page.click("#wrong")
    assert re.match(r"It is a (\d), and it reads (?!\1)\d, with ", page.inner_text("#said"))
    page.click("#noise")
    page.click("#teach")
    assert page.inner_text("#taught") == "Choose first what it shall be called."
    page.select_option("#label", "4")
    page.click("#teach")
    assert page.inner_text("#taught") == "1 of your own, the last one as a 4. Train, to let it learn from them."


# --- play with a network ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def play_page(tmp_path_factory):
    path = tmp_path_factory.mktemp("site") / "play.html"
    pages.play_page(path.parent, None)
    return path


@pytest.mark.parametrize(("state", "start", "claim"), [
    ("rate=10&batch=200", "#anew", "A rate that is too large oscillates"),
    ("shape=xor&activation=linear", "#anew", "Without activations XOR is not learnt"),
    ("activation=relu&rate=10", "#anew", "A ReLU can be dead"),
    ("batch=200", "#zero", "A saddle"),
    ("shape=spiral&hidden=64&activation=relu&rate=0.3&momentum=0.9", "#anew", "One hidden layer fits any curve"),
])  # fmt: skip
def test_what_one_tries_is_recognised_when_it_happens(state, start, claim, visit, play_page):
    page = visit(play_page, f"#{state}")
    assert page.locator("#tries li.seen").count() == 0
    page.click(start)
    page.click("#train")
    page.locator("#tries li.seen", has_text=claim).wait_for(timeout=120_000)


def test_the_state_is_in_the_link_and_a_broken_one_is_said(visit, play_page):
    page = visit(play_page, "#hidden=3,5&shape=circles")
    page.click("#more")
    assert "hidden=3,5,4" in page.url
    assert page.locator(".board canvas").count() == 2 + 3 + 5 + 4 + 1
    page.click("#points", position={"x": 75, "y": 30})  # a blue point of one's own
    again = visit(play_page, page.url[page.url.index("#") :])
    again.click("#anew")
    assert again.url.endswith(re.search(r"&own=-?0\.\d\d,-?0\.\d\d,1;$", page.url)[0])
    page.select_option("#shape", "own")
    assert page.inner_text("#said").startswith("Put points into the square: click, or ")
    page.click("#train")
    assert page.inner_text("#said").startswith("There are no points to learn from")
    for key in ("ArrowUp", "ArrowLeft", "ArrowLeft", "Space"):  # from where one clicked, in steps of 1/14
        page.press("#points", key)
    assert page.inner_text("#where") == "Cross at x = -0.61, y = 0.86."
    assert re.search(r"&own=-?0\.\d\d,-?0\.\d\d,1;$", page.url)
    for broken in ("hidden=-1", "shape=<b>", "nothing=1", "own=zz", "seed=x"):
        other = visit(play_page, f"#rate=3&{broken}")
        assert other.inner_text("#said").endswith(f" broken, so this is left out: {broken}.")
        assert other.input_value("#rate") == "3"


# --- type a text ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def text_page(tmp_path_factory):
    tl.manual_seed(0)
    text = "The dog <b>sees.\nThe dogs see."
    tokenizer = BPETokenizer.train(text, 264)
    model = GPT(GPTConfig(vocab_size=tokenizer.vocab_size, context=16, layers=2, heads=4, width=32, bias=False))
    for weight in model.parameters():
        weight.data = weight.data.astype(np.float16).astype(np.float32)  # as the page has them
    path = tmp_path_factory.mktemp("site") / "text.html"
    pages.text_page(path, model, tokenizer, "".join({*text}), "a <b>", 3)
    return path, model, tokenizer


ASK = """async (asked) => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const worker = new Worker(URL.createObjectURL(new Blob([data.worker], { type: "text/javascript" })));
  worker.postMessage({ model: data });
  worker.postMessage(asked);
  return new Promise((resolve) => {
    worker.onmessage = ({ data }) => resolve({ ...data, attention: data.attention.map((weights) => [...weights]) });
  });
}"""


@pytest.mark.parametrize(("off", "at"), [([], None), (["1.2", "0.0"], 3)])
def test_the_text_is_read_as_the_model_reads_it(off, at, visit, text_page):
    path, model, tokenizer = text_page
    tokens = tokenizer.encode("The dog sees")
    told = visit(path).evaluate(ASK, {"text": "The dog sees ", "off": off, "at": at})

    def silenced(block):
        heads = [int(name[2:]) for name in off if name[0] == str(block)]
        return lambda sent: tl.where(tl.tensor(np.isin(np.arange(4), heads))[:, None, None], 0.0, sent)

    with tl.no_grad(), model.edit({f"blocks.{block}.attention.heads": silenced(block) for block in range(2)}):
        trace = model.trace(tokens)
    wanted = [tl.softmax(tl.tensor(trace.logits_at(stage)), -1).numpy() for stage in range(3)]  # (tokens, vocab_size)
    assert [told["tokens"], told["unknown"], told["cut"]] == [tokenizer.tokens("The dog sees"), [], False]
    for weights, engine in zip(told["attention"], trace.attention, strict=True):
        np.testing.assert_allclose(np.reshape(weights, engine.shape), engine, atol=1e-5)
    for best, p in zip(told["lens"], wanted, strict=True):
        assert_likeliest(best, p[-1 if at is None else at], tokenizer, 4)
    assert_likeliest(told["next"], wanted[-1][-1], tokenizer, tokenizer.vocab_size)


def assert_likeliest(found, p, tokenizer, count):
    """found: [text, probability], the likeliest first; their logarithms are the engine's logits but for a constant."""
    assert len(found) == count
    np.testing.assert_allclose(np.log([shown for _, shown in found]), np.log(-np.sort(-p)[:count]), atol=1e-4)
    for text, shown in found:
        if text != "�":  # a byte that is no sign
            np.testing.assert_allclose(shown, p[tokenizer.encode(text)[0]], atol=1e-5)


def test_the_page_cuts_a_text_as_the_tokenizer_does(visit, text_page):
    path, _, tokenizer = text_page
    page = visit(path)
    for text in ("The dogs see", "  dogs.\nThe dog", "<b>The<<b>>", "see.. sees'", "dododog ogod", "TheThe The"):
        assert page.evaluate(ASK, {"text": text, "off": []})["tokens"] == tokenizer.tokens(text.replace("'", ""))


def test_one_types_draws_and_is_told_what_the_model_never_saw(visit, text_page):
    page = visit(text_page[0])
    page.locator("#told", has_text="attends most to").wait_for()
    assert page.inner_text("#told").startswith("Head ")
    for text, said in [("The dog ж", 'It does not know "ж", and skips it: its text had no such sign.'),
                       ("ж\tж", 'It does not know "ж", "→", and skips them'), ("", "There is nothing to read"),
                       ("The dog sees. " * 4, "It reads the last 16 tokens.")]:  # fmt: skip
        page.fill("#text", text)
        page.locator("#said", has_text=said).wait_for()
        if not text:
            page.click("#draw")
            assert (page.locator("#arcs *, #lens *, #next *").count(), page.input_value("#text")) == (0, "")
    page.fill("#text", "<b>The dog</b>")
    count = len(text_page[2].encode("<b>The dog<b>"))  # it does not know "/"
    page.locator("#arcs text").nth(count - 1).wait_for()
    page.evaluate("Math.random = () => 0")
    page.click("#draw")
    page.locator("#arcs text").nth(count).wait_for()
    assert page.input_value("#text").startswith("<b>The dog</b>")
    page.click("#texts button >> nth=0")
    assert page.input_value("#text") == pages.TEXTS["small"][0][0]
    page.fill("#text", "The dog sees")
    page.locator("#arcs text").nth(1).wait_for()
    names = [text.replace(" ", "·") for text in text_page[2].tokens("The dog sees")]
    for token, key in ((1, "Enter"), (0, "Space")):
        page.locator("#arcs text", has_text=names[token]).first.press(key)
        page.locator("#read", has_text=names[token]).wait_for()
        assert page.evaluate("document.activeElement.ariaLabel").startswith(f"token {token}, ")
    page.locator(".head", has_text="1.0").click()
    assert page.inner_text("#told").startswith(f'Head 1.0: token 0, "{names[0]}", attends most to itself')
    page.click("#switch")
    page.locator("#next", has_text="In brackets: with all heads on.").wait_for()
    assert page.inner_text("#told").startswith("Head 1.0 is off: it adds nothing to the residual stream.")
    assert page.locator("#top_k").get_attribute("max") == str(text_page[2].vocab_size)


def test_ctrl_c_in_the_training_is_said_and_the_page_tells_the_steps(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(nn.Trainer, "fit", lambda trainer: SimpleNamespace(interrupted=True))
    pages.type_a_text(tmp_path, SimpleNamespace(steps=1000))
    assert "Ended by Ctrl-C" in capsys.readouterr().out
    assert "It learnt in 0 steps from 20,000 made sentences" in (tmp_path / "text.html").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def site(digit_page):
    for name in ("play", "steps", "notebooks", "claims", "sheet"):
        pages.WRITERS[name](digit_page.parent, SimpleNamespace(offline=False))
    pages.index_page(digit_page.with_name("index.html"))
    return digit_page.parent


def test_texts_of_a_notebook_stay_texts():
    cells = [{"source": ["# <b>"]}, {"source": ["print('<b>')"], "outputs": [{"text": ["<b>", "printed</b>"]}]}]
    assert "<b>" not in notebook.html(cells)


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("name", ["index", "neuron", "digit", "play", "text", "claims", "notebooks/digits", "sheet"])
def test_a_page_is_accessible_and_fits(name, width, site, text_page, visit):
    assert_accessible(visit, text_page[0] if name == "text" else site / f"{name}.html", width)


# --- the site ---------------------------------------------------------------------------------------------------------


def test_each_page_leads_back_to_the_first(site):
    for path in {*site.rglob("*.html")} - {site / "index.html", site / "digit.html"}:
        text = path.read_text("utf-8")
        (link,), base = re.findall('<a href="([^"]*)">All pages</a>', text), re.findall('<base href="([^"]*)">', text)
        assert path.parent.joinpath(*base, link).resolve() == site / "index.html"


@pytest.fixture(scope="session")
def reference(tmp_path_factory):
    pytest.importorskip("pdoc")
    out = tmp_path_factory.mktemp("reference")
    command = [sys.executable, "-m", "examples.site", "--only", "reference", "--out", out]
    # in a process of its own: tests have changed the modules of this one
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return out / "reference"


def test_the_reference_is_small_and_its_pages_lead_to_each_other(reference):
    assert sum(file.stat().st_size for file in reference.rglob("*") if file.is_file()) <= 6e6
    links = {(page, link) for page in reference.rglob("*.html")
             for link in re.findall(r'href="([^"#:]+\.html)', page.read_text("utf-8"))}  # fmt: skip
    lost = [link for page, link in links if not link.endswith("../index.html") and not (page.parent / link).exists()]
    assert len(links) > 50
    assert lost == []


def test_the_reference_is_searched_and_shows_a_source(visit, reference):
    page = visit(reference / "nn.html", "#Linear")
    page.click("label[for='Linear-view-source']")
    assert "class Linear(" in page.locator("#Linear > .pdoc-code pre").inner_text()
    page.evaluate("console.time = console.timeEnd = () => {}")  # which tell how long the index took
    page.fill("input[type=search]", "leaky_relu")
    page.locator(".search-result a[href='tinygrad_lecture.html#leaky_relu']").click()
    page.locator("section#leaky_relu:target").wait_for()


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("name", ["index", "nn/optim", "nn/optim/lr_scheduler"])
def test_the_reference_is_accessible_and_fits(name, width, reference, visit):
    assert_accessible(visit, reference / f"{name}.html", width)


def test_the_sheet_lists_each_thing_once_with_a_line():
    found = cheat_sheet.groups()
    assert [*found] == ["Ops", "Layers", "Losses", "Optimisers", "Schedules"]
    typed = [name for entries in found.values() for name, _, _ in entries]
    assert len(typed) == len({*typed}) > 150
    assert not [name for entries in found.values() for name, line, _ in entries if not line.endswith((".", ".)"))]
    assert ("nn.Linear", "nn.html#Linear") in [(name, place) for name, _, place in found["Layers"]]


def test_the_sheet_is_one_screen_with_the_line_of_a_name_at_its_foot(visit, site):
    page = visit(site / "sheet.html")
    last = page.locator("li a code").last
    assert last.evaluate("name => getComputedStyle(name).fontSize") == "13px"
    for point in (page.hover, page.focus):
        point("a:has-text('tl.rsqrt')")
        line = page.locator("li span", has_text="1 / sqrt(x), elementwise").bounding_box()
        assert last.bounding_box()["y"] + 20 < line["y"] == 800 - line["height"]  # nothing to scroll
        page.mouse.move(0, 0)
    narrow = visit(site / "sheet.html", viewport={"width": 390, "height": 800})
    assert narrow.locator("li span").first.bounding_box()["width"] > 99  # a list, with lines


def test_the_first_page_reads_what_one_draws_and_leads_to_the_pages_that_are_there(visit, site):
    there = {f"{path.relative_to(site)}" for path in site.rglob("*.html")} - {"index.html"}
    assert (site / "index.html").stat().st_size < 250_000
    page = visit(site / "index.html")
    links = page.locator("main li a").evaluate_all("links => links.map((link) => link.getAttribute('href'))")
    assert sorted(links) == sorted(there)
    assert page.inner_text("#said").startswith("It reads a 7: ")
    page.click("#paper")
    page.locator("#said", has_not_text="It reads a 7: ").wait_for()


def test_the_page_of_a_neuron_begins_with_weights_to_drag(visit, site):
    page = visit(site / "neuron.html")
    assert page.inner_text("#fires").endswith("it fires.")
    page.fill("#b", "-2.5")
    assert page.inner_text("#fires").endswith("it does not fire.")
