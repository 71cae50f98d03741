"""Pages in a browser: what stands on them, step by step, and that keys alone lead everywhere."""

import json
import re
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from op_table import TABLE

import nn
import tinygrad_lecture as tl
from browser import faults
from gradchecks import make
from nn.functional.normalization import normalised_channels
from run_op import differentiable, tensors
from tinygrad_lecture.inspect.explain.formulas import weights_of
from tinygrad_lecture.inspect.explain.walkthrough import walkthrough_of
from tinygrad_lecture.inspect.page import PageData, read
from tinygrad_lecture.inspect.printing import numbers
from transformer import GPT, GPTConfig, TokenCrossEntropy

pytestmark = pytest.mark.browser


def network_page(path, W1, b1, W2, b2):
    """The page of a network with 2 inputs, 2 hidden neurons and 1 output, and its cost."""
    x, y = tl.tensor([1.0, 0.5]), tl.tensor([1.0])
    with tl.Graph():
        h = tl.sigmoid(W1 @ x + b1)
        a = tl.sigmoid(W2 @ h + b2)
        C = ((a - y) ** 2).sum()
        C.backward()
        return tl.page(C, path), C


@pytest.fixture
def network(tmp_path):
    """(path, leaves by name) of the page of a network."""
    shapes = {"W1": (2, 2), "b1": (2,), "W2": (1, 2), "b2": (1,)}
    leaves = {name: tl.randn(*shape, requires_grad=True) for name, shape in shapes.items()}
    return network_page(tmp_path / "network.html", **leaves)[0], leaves


def changed(leaves, number):
    """Copies of the leaves, with another number in W1[0, 1]."""
    copies = {name: tl.tensor(leaf.detach().numpy(), requires_grad=True) for name, leaf in leaves.items()}
    with tl.no_grad():
        copies["W1"][0, 1] = number
    return copies


def box(page, name):
    """The box of a value or module."""
    return page.locator("g.box", has=page.locator("text.name", has_text=re.compile(rf"^{re.escape(name)}( =|$)")))


def numbers_in(cells):
    """What cells say, those in which a number can be changed too."""
    return cells.evaluate_all("cells => cells.map((cell) => cell.querySelector('input')?.value ?? cell.innerText)")


def press(page, *keys):
    for key in keys:
        page.keyboard.press(key)


def text_of(page):
    return page.locator("#step").inner_text()


def test_stepping_to_the_end_shows_the_very_gradients_in_grad(visit, network):
    path, leaves = network
    page = visit(path)
    steps = int(page.locator("#slider").get_attribute("max"))
    for _ in range(steps):
        press(page, "ArrowRight")
    for name, leaf in leaves.items():
        assert numbers(leaf.grad.numpy()) in text_of(page)
        rows = box(page, name).locator(".grad").all_text_contents()
        assert "".join(rows).replace("],[", "], [") == numbers(leaf.grad.numpy())


def test_a_value_used_twice_gets_its_gradient_in_two_steps(visit, tmp_path):
    x = tl.tensor(3.0, requires_grad=True)
    with tl.Graph():
        y = x * 2
        C = y * 5 + y * 7
        C.backward()
        page = visit(tl.page(C, tmp_path / "diamond.html"))
    press(page, "b", "ArrowRight")
    assert box(page, "y").locator(".grad").text_content() == "7"
    assert "use 1 of 2" in text_of(page)
    press(page, "ArrowRight")
    assert box(page, "y").locator(".grad").text_content() == "12"
    assert "7 + 5 = 12" in text_of(page)
    assert "use 2 of 2" in text_of(page)
    press(page, "ArrowLeft")
    assert box(page, "y").locator(".grad").text_content() == "7"


def test_the_keyboard_alone_leads_everywhere(visit, network):
    page = visit(network[0])
    press(page, "End")
    assert page.locator("#step h2").inner_text() == "What backward found"
    press(page, "Home", "b")
    assert "Back through C = sum(" in text_of(page)
    press(page, "Home")
    for _ in range(40):  # Tab reaches the boxes; arrows go from one to the next, Enter looks at it
        press(page, "Tab")
        if page.evaluate("document.activeElement.classList.contains('box')"):
            break
    press(page, "ArrowDown", "Enter")
    assert page.locator("#chosen h2").inner_text() == "x, a constant"
    press(page, "ArrowRight")
    assert "is computed" in text_of(page)


def test_the_address_names_the_step(visit, network):
    page = visit(network[0])
    press(page, *["ArrowRight"] * 5)
    assert page.evaluate("location.hash") == "#step=5"
    there = text_of(page)
    page.reload()
    assert text_of(page) == there
    again = visit(network[0], "#step=5")
    assert text_of(again) == there
    again = visit(network[0], "#step=nonsense&view=99")
    assert again.locator("#step h2").inner_text() == "What is given"


def test_a_layer_of_few_neurons_is_drawn_as_circles(visit, network):
    page = visit(network[0])
    assert box(page, "x").locator("circle").count() == box(page, "h").locator("circle").count() == 2
    assert box(page, "a").locator("circle").count() == 1
    assert box(page, "W1").locator("circle").count() == 0
    assert [text for text in box(page, "x").locator(".value").all_text_contents() if text] == ["1", "0.5"]
    assert box(page, "h").locator("circle").first.evaluate("circle => circle.style.fill") == "none"
    press(page, "End")
    assert (
        box(page, "h").locator("circle").first.evaluate("circle => circle.style.fill").startswith("rgba(38, 122, 204")
    )


def test_a_digit_is_seen_at_once_and_at_the_end_what_it_is_taken_for(visit, tmp_path):
    model, digit = nn.MLP([784, 16, 16, 10]), tl.rand(1, 784)
    with tl.Graph():
        scores = model(digit)
        page = visit(tl.page(nn.CrossEntropyLoss()(scores, tl.tensor([7])), tmp_path / "digit.html"))
    assert page.locator("#step canvas").get_attribute("aria-label") == "digit, row 0, as 28 by 28"
    frame, *boxes = (one.bounding_box() for one in page.locator("#scroll, g.box rect").all())
    assert min(box["x"] for box in boxes) >= frame["x"] + 12
    assert max(box["x"] + box["width"] for box in boxes) <= frame["x"] + frame["width"] - 12
    press(page, "End")
    p = tl.softmax(scores.detach())[0].numpy()
    told = dict.fromkeys([*np.argsort(-p)[:5].tolist(), 7])
    shown = page.locator("#step dl").first.locator("dt, dd").all_inner_texts()
    assert shown[::2] == list(map(str, told))
    assert [float(share.split()[0]) for share in shown[1::2]] == pytest.approx([100 * p[i] for i in told], rel=1e-2)
    assert [i for i, share in zip(told, shown[1::2], strict=True) if "which is wanted" in share] == [7]


def test_hostile_names_are_only_text(visit, tmp_path):
    names = [
        "</script><script>console.log('in')</script>",
        "<img src=x onerror=console.log(1)>",
        "a\"b'c&lt;\\",
        "漢字 ह\u2028",
        "{{data}}",
    ]
    leaves = {name: tl.tensor(float(i + 1), requires_grad=True) for i, name in enumerate(names)}
    with tl.Graph() as graph:
        C = sum(leaves.values(), tl.tensor(0.0))
        C.backward()
        page = visit(tl.page(graph.name(leaves), tmp_path / "hostile.html", title="<b>{{style}}"))
    shown = page.locator("#step dt").all_inner_texts()
    assert {name.replace("\u2028", "\\u2028") for name in names} <= set(shown)  # no sign, so it is written as an escape
    assert page.locator("h1").inner_text() == "<b>{{style}}"
    assert page.title() == "<b>{{style}}"


def test_odd_numbers_show_as_they_are(visit, tmp_path):
    x = tl.tensor([np.nan, np.inf, -np.inf, -0.0, 1e-300, 123456.0], dtype=tl.float64, requires_grad=True)
    with tl.Graph():
        C = (x * 1.0).sum()
        C.backward()
        page = visit(tl.page(C, tmp_path / "odd.html"))
    box(page, "x").click()
    assert numbers_in(page.locator("#chosen td"))[1:7] == ["nan", "inf", "-inf", "-0", "1e-300", "123456"]
    assert "[nan, inf, -inf, -0, 1e-300, 123456]" in text_of(page)


@pytest.fixture
def gpt_page(tmp_path):
    model = GPT(GPTConfig(vocab_size=5, context=4, layers=2, heads=2, width=4))
    tokens = tl.tensor([0, 1, 2, 3])
    with tl.Graph():
        loss = TokenCrossEntropy()(model(tokens), tl.tensor([1, 2, 3, 4]))
        loss.backward()
        options = {"tokens": ["was", "the", "bank", "?"], "classes": ["was", "the", "bank", "?", "Yes"]}
        return tl.page(loss, tmp_path / "gpt.html", **options)


def test_a_gpt_ends_with_the_next_token(visit, gpt_page):
    page = visit(gpt_page, "#step=99")
    assert re.match(r'The next token, after "\?"\n[^$]*\nYes\s+[\d.]+ %, which is wanted', text_of(page))


def test_modules_are_boxes_that_open_and_close(visit, gpt_page):
    page = visit(gpt_page)
    assert box(page, "blocks.0").count() == box(page, "blocks.1").count() == 1
    press(page, "ArrowRight", "ArrowRight")
    assert "Forward through blocks.0" in text_of(page)
    assert "from embedding (Embedding): shape (4, 4)" in text_of(page)
    page.get_by_role("button", name="Open it").click()
    assert box(page, "attention").count() == box(page, "ffn").count() == 1
    assert page.locator("#path [aria-current]").inner_text() == "blocks.0"
    assert box(page, "#5").locator(".layer").text_content() == "from embedding"
    assert re.search(r"one element of it: #8\[\d, \d\] = \(", text_of(page))
    press(page, "Escape")
    assert box(page, "blocks.0").count() == 1
    press(page, "End")
    assert "embedding.W_E.weight" in text_of(page)


def test_the_page_says_whose_gradients_it_shows(visit, tmp_path):
    x = tl.tensor(3.0, requires_grad=True)
    with tl.Graph():
        y = x * x
        own = visit(tl.page(y, tmp_path / "own.html"))
        y.backward(tl.tensor(5.0))
        given = visit(tl.page(y, tmp_path / "given.html"))
    press(own, "End")
    assert "The page went backward itself" in text_of(own) and "in its .grad" not in text_of(own)
    press(given, "b")
    assert "Backward starts here, with the upstream 5 that it was given" in text_of(given)
    press(given, "End")
    assert "d(5 · y)/dx" in text_of(given) and "in its .grad" in text_of(given)


def test_attention_is_shown_for_each_head_with_the_tokens(visit, gpt_page):
    page = visit(gpt_page)
    for part in ("blocks.0", "attention"):
        box(page, part).click()
    page.locator("g.box", has_text="attention(").first.click()
    maps = page.locator("#panel table.map")
    assert maps.locator("caption").all_inner_texts() == ["head 1", "head 2"]  # counted as in the programs
    assert page.locator("#panel .scale span").all_inner_texts() == ["0", "0.05", "0.25", "0.5", "1"]
    assert maps.first.locator("tbody th").all_inner_texts() == ["was", "the", "bank", "?"]
    assert maps.first.locator("tbody tr").first.locator("td").first.get_attribute("title") == "was → was: 1"
    assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")  # only its parts scroll


def test_a_large_array_has_a_summary_and_a_window(visit, tmp_path, monkeypatch):
    monkeypatch.setattr("tinygrad_lecture.inspect.page.BUDGET", 1000)
    x = tl.randn(300, 400, requires_grad=True)
    with tl.Graph():
        C = (x * 2.0).mean()
        C.backward()
        page = visit(tl.page(C, tmp_path / "large.html"))
    box(page, "x").click()
    chosen = page.locator("#chosen")
    assert "(300, 400), 120000 elements" in chosen.inner_text()
    assert "Each square is the mean of 19×25 numbers." in chosen.inner_text()
    chosen.get_by_text("Numbers", exact=True).first.click()
    cells = chosen.locator("details").first.locator("td").all_inner_texts()
    assert numbers(x.detach().numpy()[0, 0]) in cells


def height_of(page, selector):
    return page.locator(selector).bounding_box()["height"]


def test_fit_shows_all_of_the_graph(visit, network):
    page = visit(network[0])
    assert height_of(page, "#scroll svg") > height_of(page, "#scroll")  # at first it is readable
    page.get_by_role("button", name="Fit").click()
    assert height_of(page, "#scroll svg") <= height_of(page, "#scroll")


def test_a_number_is_dragged_and_everything_after_it_is_computed_anew(visit, network, tmp_path):
    path, leaves = network
    page = visit(path)
    press(page, "End")
    before = text_of(page)
    box(page, "W1").click()
    field = page.get_by_label("W1[0, 1]")
    field.scroll_into_view_if_needed()
    at = field.bounding_box()
    page.mouse.move(at["x"] + 30, at["y"] + 8)
    page.mouse.down()
    page.mouse.move(at["x"] + 130, at["y"] + 8, steps=5)
    page.mouse.up()
    others = changed(leaves, float(field.input_value()))
    assert others["W1"][0, 1] > leaves["W1"][0, 1] + 1
    _, C = network_page(tmp_path / "others.html", **others)
    assert box(page, "C").locator(".value").all_text_contents() == [numbers(C.detach().numpy())]
    for name, leaf in others.items():
        assert numbers(leaf.grad.numpy()) in text_of(page), name
    shown = page.locator("#chosen h2").bounding_box()
    assert shown["y"] + shown["height"] <= page.locator("#changed").bounding_box()["y"]  # it covers nothing
    told = page.locator("#changed").inner_text()
    assert told.startswith(f"W1[0, 1] is {numbers(others['W1'].detach().numpy()[0, 1])} instead of -1.387, so C is ")
    assert re.search(r"The gradient foretold dC/dW1\[0, 1\] · change = \(-0.00155\) · 2.5 = -0.003875", told)
    page.get_by_role("button", name="As it was").click()
    assert text_of(page) == before
    assert page.locator("#changed").inner_text() == ""
    field.press("ArrowUp")
    assert page.locator("#changed").inner_text().startswith("W1[0, 1] is -1.287 instead of -1.387")


def test_after_a_change_the_steps_have_the_numbers_of_the_changed_network(visit, network, tmp_path):
    path, leaves = network
    page = visit(path)
    box(page, "W1").click()
    page.get_by_label("W1[0, 1]").fill("-1")
    fresh = visit(network_page(tmp_path / "changed.html", **changed(leaves, -1.0))[0])
    for step in range(1, 19):
        for one in (page, fresh):
            one.locator("#slider").fill(str(step))
        lines = text_of(page).partition("test_browser.py, line")[0].split("\n")
        numbers_told = [line.rpartition(" = ")[2].strip("[]") for line in lines if " = " in line]
        assert numbers_told and not [text for text in numbers_told if text not in text_of(fresh)], step


def test_a_transformer_is_computed_anew(visit, gpt_page):
    page = visit(gpt_page)
    box(page, "embedding.W_E.weight").click()
    page.get_by_label("embedding.W_E.weight[0, 0]").fill("1")
    assert "embedding.W_E.weight[0, 0] is 1 instead of" in page.locator("#changed").inner_text()


def test_a_phone_has_room_for_the_graph_and_shows_letters_and_the_loss(visit, network):
    page = visit(network[0], viewport={"width": 390, "height": 800})
    assert height_of(page, "#scroll") > 800 * 0.42
    assert page.evaluate("11.5 * document.querySelector('#scroll svg').getScreenCTM().a") >= 9
    assert re.match(r"C = [\d.]+; 15 values", page.locator("#summary").inner_text())
    assert "Press Next" in text_of(page)
    for key in ("b", "End"):
        press(page, key)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.fixture
def pages(network, gpt_page):
    """By kind: a page, and the keys that are pressed on it, one after the other; or the number that is changed."""
    return {
        "network": (network[0], [(), ("b", "ArrowRight"), ("End",), ("h",)]),
        "changed": (network[0], [("End",), ("W1[0, 1]",)]),
        "gpt": (gpt_page, [("ArrowRight", "ArrowRight"), ("End",)]),
    }


@pytest.mark.parametrize("kind", ["network", "changed", "gpt"])
@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_hinders_people_who_use_other_means(visit, pages, kind, width):
    path, keys = pages[kind]
    for theme in ("light", "dark"):
        page = visit(path, viewport={"width": width, "height": 800}, color_scheme=theme, bypass_csp=True)
        for pressed in keys:
            if pressed == ("W1[0, 1]",):
                box(page, "W1").click()
                page.get_by_label(*pressed).fill("3")
            else:
                press(page, *pressed)
            assert faults(page) == []


# --- a number that one changes: what the browser computes of it, beside the engine ------------------------------------

f = {"dtype": tl.float64}


def rows(*shape):
    return tl.tensor(np.random.default_rng(sum(shape)).normal(size=shape), **f)


POSITIVE = ("log", "log1p", "sqrt", "rsqrt")
PLAIN = ("neg", "exp", "abs", "sin", "cos", "tanh", "sigmoid", "relu", "silu", "gelu")
PROGRAMS = {  # functions of a parameter of shape (3, 4)
    **{name: partial(lambda op, x: (op(x) * rows(3, 4)).sum(), getattr(tl, name)) for name in PLAIN},
    **{name: partial(lambda op, x: (op(x * x + 0.5) * rows(3, 4)).sum(), getattr(tl, name)) for name in POSITIVE},
    "leaky_relu": lambda x: (tl.leaky_relu(x, 0.2) * rows(3, 4)).sum(),
    "arithmetic": lambda x: (x + 2 * x / (x * x + 1) - x**3 + rows(4)).sum(),
    "a power": lambda x: (tl.sigmoid(x) ** x).sum(),
    "the largest": lambda x: x.max() + (x.amax(1) * rows(3)).sum() + (x * x).amin(),
    "sums": lambda x: (x.sum(0) * x.mean(1, keepdims=True) * x.mean()).sum(),
    "a standard deviation": lambda x: x.std(axis=1).sum(),
    "products": lambda x: ((x @ rows(4, 2)) * (rows(3, 3) @ x)[:, :2]).sum(),
    "products of stacks": lambda x: (rows(5, 2, 3) @ x @ tl.swapaxes(rows(5, 2, 4), 1, 2)).mean(),
    "moves": lambda x: (tl.cat([x.T, x[:, [0, 2, 0]].reshape(3, 3)]) * rows(7, 3)).sum(),
    "softmax": lambda x: (tl.softmax(x, 0) * rows(3, 4)).sum() + (tl.log_softmax(x) * rows(3, 4)).sum(),
    "cross-entropy": lambda x: tl.cross_entropy(x, tl.tensor([1, 0, 3])).mean(),
    "squared error": lambda x: nn.MSELoss()(x, rows(3, 4)) + tl.squared_error(x, rows(3, 4), average=False),
    "layer norm": lambda x: (tl.layer_norm(x, rows(4), rows(4)) * rows(3, 4)).sum(),
    "rms norm": lambda x: (tl.rms_norm(x, rows(4), eps=0.1) * rows(3, 4)).sum(),
    "batch norm": lambda x: (normalised_channels(x, rows(4), rows(4)) * rows(3, 4)).sum(),
    "attention": lambda x: (tl.attention(x, x, x, causal=True) * rows(3, 4)).sum(),
    "attention weights": lambda x: (tl.attention_weights(x, x, rows(3, 3)) * rows(3, 3)).sum(),
    "rotary": lambda x: (tl.rotary(x, tl.cos(rows(3, 2)), tl.sin(rows(3, 2))) * rows(3, 4)).sum(),
    "masks": lambda x: (tl.softmax(tl.masked_fill(x, tl.tensor(np.eye(3, 4) > 0), -np.inf)) * rows(3, 4)).sum(),
    "the larger, within bounds": lambda x: (tl.maximum(x, rows(4)) - tl.minimum(tl.clip(x, -0.5, 0.5), x * x)).sum(),
    "a norm": lambda x: tl.tril(x).norm(axis=1).sum(),
    "a recurrent network": lambda x: (tl.manual_seed(0), nn.GRU(4, 2, **f)(x)[0].sum())[1],
    "dropout": lambda x: (tl.manual_seed(0), nn.functional.dropout(x * x, 0.5).sum())[1],
}  # fmt: skip


def of_the_engine(program, x):
    with tl.Graph() as graph:
        C = program(x)
        C.backward()
    return graph, C


def computed_in(page, data, value, index, to):
    """Why the page cannot; and the values and the gradients of the value that it computes."""
    scripts = "\n".join(read(name) for name in ("numbers.js", "arrays.js", "compute.js", "live.js"))
    return page.evaluate(f"""([data, value, index, to]) => {{
        {scripts}
        const live = new Live(data);
        if (live.hindrance) return {{ hindrance: live.hindrance }};
        live.set(value, index, to);
        const numbers = (k) => [...elementsOf(data.arrays[k])];
        const terms = data.steps.flatMap((step) => step.terms).filter((term) => term.to === value);
        const [values, gradient] = [data.values.map((v) => numbers(v.value)), numbers(terms.at(-1).after)];
        const maps = data.values.map((v) => (v.weights < 0 ? null : numbers(v.weights)));
        return {{ hindrance: "", values, gradient, maps }};
    }}""", [data, value, index, to])  # fmt: skip


def data_of(graph):
    return json.loads(json.dumps(PageData(walkthrough_of(graph)).as_data(), allow_nan=False))


@pytest.fixture(scope="module")
def blank(chromium):
    page = chromium.new_page()
    yield page
    page.close()


@pytest.mark.parametrize("name", PROGRAMS)
def test_what_follows_from_another_number_is_what_the_engine_computes(blank, name):
    numbers = np.random.default_rng(0).normal(size=(3, 4))
    x = tl.tensor(numbers, requires_grad=True)
    graph, _ = of_the_engine(PROGRAMS[name], x)
    data = data_of(graph)
    numbers[1, 2] = 0.7
    other = tl.tensor(numbers, requires_grad=True)
    wanted, _ = of_the_engine(PROGRAMS[name], other)
    found = computed_in(blank, data, graph.vertices.index(graph[x]), 6, 0.7)
    assert found["hindrance"] == ""
    for vertex, values in zip(wanted.vertices, found["values"], strict=True):
        np.testing.assert_allclose(values, vertex.value.ravel(), rtol=1e-6, atol=1e-6, err_msg=str(vertex))
    np.testing.assert_allclose(found["gradient"], other.grad.numpy().ravel(), rtol=1e-6, atol=1e-6)
    for vertex, weights in zip(wanted.vertices, found["maps"], strict=True):
        if weights is not None:
            np.testing.assert_allclose(weights, weights_of(vertex).ravel(), rtol=1e-6, atol=1e-6)


tripled = make(lambda x, /: x * 3, "tripled", x=lambda g: g * 3)
REFUSED = {
    "it has no rule for tripled": lambda x: tripled(x).sum(),
    "picks by value": lambda x: x.max(axis=1).values.sum(),
    "is a condition or a detached value, which may change": lambda x: (x * tl.where(x * x > 1, x, 0.0)).sum(),
    "#3 is a condition or a detached value": lambda x: ((h := tl.tanh(x)) * h.detach()).sum(),
    "there are too many numbers": lambda x: (x[:, :, None] + tl.zeros(2000)).sum(),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_where_the_page_cannot_compute_anew_it_says_why(blank, reason):
    x = tl.tensor(np.ones((3, 4)), requires_grad=True)
    graph, _ = of_the_engine(REFUSED[reason], x)
    assert reason in computed_in(blank, data_of(graph), 0, 0, 2.0)["hindrance"]


def test_numbers_other_than_the_engines_are_no_ground_to_compute_on(blank):
    x = tl.tensor(np.ones((3, 4)), requires_grad=True)
    graph, _ = of_the_engine(lambda x: (tl.exp(x) * 2).sum(), x)
    graph.vertices[1].value += 1
    assert "of #2 it finds other numbers than the engine" in computed_in(blank, data_of(graph), 0, 0, 2.0)["hindrance"]


UNCOMPUTED = {  # ops that the page has no rule for, or that pick by value
    "ceil", "cdist", "cholesky", "cholesky_solve", "contract", "convolution", "cumsum", "det", "einsum",
    "filter_gradient", "floor", "floor_divide", "inv", "log_of_det", "logsumexp", "lower_median", "max", "max_pool",
    "median", "min", "norm", "pad", "quantized_linear", "remainder", "round", "slogdet", "solve", "solve_columns",
    "solve_triangular", "sort", "topk", "transposed_convolution", "trunc_divide",
}  # fmt: skip


@pytest.mark.parametrize("row", [row for row in TABLE.values() if row.differentiable], ids=str)
def test_the_page_computes_what_each_op_and_its_rule_do_or_says_that_it_cannot(blank, row):
    @settings(max_examples=4, database=None)
    @given(row.samples)
    def check(sample):
        with tl.Graph() as graph:
            results = differentiable(row.run(tensors(sample.inputs), sample.settings))
            sum((y * y).sum() for y in results).backward()
        leaves = (i for i, x in enumerate(graph.vertices) if x.requires_grad and not x.op and x.value.size)
        told = next((computed_in(blank, data_of(graph), leaf, 0, 2.0)["hindrance"] for leaf in leaves), "")
        assert not told or row.name in UNCOMPUTED, told
        assert "other numbers" not in told or row.name == "pad"  # a number that is padded with

    check()
