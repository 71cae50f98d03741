"""The pages one plays with: they compute what the engine computes, and do what their buttons say."""

import base64
import json
import re

import numpy as np
import pytest

import nn
import tinygrad_lecture as tl
from browser import chromium, visit  # noqa: F401
from examples.site import pages
from helpers.mnist import load_digits

pytestmark = pytest.mark.browser
IN_A_WORKER = """async (told) => {
  const { worker: text } = JSON.parse(document.getElementById("data").textContent);
  const worker = new Worker(URL.createObjectURL(new Blob([text], { type: "text/javascript" })));
  worker.postMessage({ tell: "begin", ...told });
  for (let i = 0; i < told.steps; i += 1) worker.postMessage({ tell: "step" });
  return new Promise((resolve) => {
    worker.onmessage = ({ data }) => data.steps === told.steps &&
      resolve([data.costs[0], data.layers.map(({ weight, bias }) => [[...weight], [...bias]])]);
  });
}"""


@pytest.fixture(scope="session")
def digit_page(tmp_path_factory):
    path = tmp_path_factory.mktemp("site") / "digit.html"
    pages.digit_page(path, epochs=1)
    return path


def random_numbers(seed):
    """network.js's, as mulberry32."""
    state = seed
    while True:
        state = (state + 0x6D2B79F5) % 2**32
        mixed = (state ^ (state >> 15)) * (state | 1) % 2**32
        mixed ^= (mixed + (mixed ^ (mixed >> 7)) * (mixed | 61)) % 2**32
        yield (mixed ^ (mixed >> 14)) / 2**32


def batches(n, size, draw):
    """The examples of each step, as Training.next has them."""
    while True:
        order = [*range(n)]
        for i in range(n - 1, 0, -1):
            j = int(next(draw) * (i + 1))
            order[i], order[j] = order[j], order[i]
        yield from (order[k : k + size] for k in range(0, n, size))


def test_a_hundred_steps_in_the_page_are_those_of_the_engine(visit, digit_page):  # noqa: F811
    digits = load_digits()
    x, labels = digits.train_images[:150].astype(np.float64), digits.train_labels[:150]
    wanted = np.eye(10)[labels]
    tl.manual_seed(3)
    model = pages.digit_network().to(tl.float64)
    layers = [
        {"inputs": layer.in_features, "outputs": layer.out_features, "activation": "sigmoid",
         "weight": layer.weight.numpy(force=True).T.ravel().tolist(), "bias": layer.bias.numpy(force=True).tolist()}
        for layer in model if isinstance(layer, nn.Linear)
    ]  # fmt: skip
    told = {"network": {"layers": layers}, "examples": {"inputs": x.tolist(), "wanted": wanted.tolist()}, "steps": 100,
            "test": {"inputs": x[:5].tolist(), "labels": labels[:5].tolist()}, "settings": {"batch": 32, "rate": 1.0},
            "seed": 7}  # fmt: skip
    cost, found = visit(digit_page).evaluate(IN_A_WORKER, told)
    optimizer, rows = nn.optim.SGD(model.parameters(), 1.0), batches(150, 32, random_numbers(7))
    for _ in range(100):
        chosen = next(rows)
        optimizer.zero_grad()
        loss = ((model(tl.tensor(x[chosen])) - tl.tensor(wanted[chosen])) ** 2).sum(axis=1).mean()
        loss.backward()
        optimizer.step()
    assert cost == pytest.approx(loss.item(), abs=1e-9)
    for layer, (weight, bias) in zip((part for part in model if isinstance(part, nn.Linear)), found, strict=True):
        shape = layer.weight.shape[::-1]
        np.testing.assert_allclose(np.reshape(weight, shape).T, layer.weight.numpy(force=True), atol=1e-5)
        np.testing.assert_allclose(bias, layer.bias.numpy(force=True), atol=1e-5)


def test_a_digit_of_the_test_set_is_read_as_the_engine_reads_it(visit, digit_page):  # noqa: F811
    page = visit(digit_page)
    data = json.loads(page.evaluate("document.getElementById('data').textContent"))
    raw = [
        np.frombuffer(base64.b64decode(layer[part]), np.float32)
        for layer in data["layers"]
        for part in ("weight", "bias")
    ]
    image = np.frombuffer(base64.b64decode(data["test"]["images"]), np.uint8).reshape(-1, 784)[data["first"]] / 255
    a = image
    for W, b in zip(raw[::2], raw[1::2], strict=True):
        a = 1 / (1 + np.exp(-(a @ W.reshape(len(a), -1) + b)))
    said = re.match(r"It reads (\d), with (0\.\d+)", page.inner_text("#said"))
    assert int(said[1]) == a.argmax()
    assert float(said[2]) == pytest.approx(a.max(), rel=0.01)


def test_one_draws_with_mouse_and_keys_and_clears(visit, digit_page):  # noqa: F811
    page = visit(digit_page)
    page.click("#clear")
    assert page.inner_text("#said") == "Nothing is drawn. Draw a digit in the square."
    box = page.locator("#paper").bounding_box()
    page.mouse.move(box["x"] + 140, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + 140, box["y"] + 240, steps=8)
    page.mouse.up()
    assert page.inner_text("#said").startswith("It reads ")
    page.click("#clear")
    page.focus("#paper")
    for key in (" ", *["ArrowDown"] * 6):
        page.keyboard.press(key)
    assert page.inner_text("#said").startswith("It reads ")


def test_it_trains_step_by_step_and_pauses(visit, digit_page):  # noqa: F811
    page = visit(digit_page)
    page.click("#anew")
    page.click("#one")
    page.locator("#progress", has_text=re.compile("^1 steps")).wait_for()
    assert "this step's gradient" in page.inner_text("#progress")
    page.click("#train")
    page.locator("#progress", has_text=re.compile(r"^([4-9]|\d\d+) steps")).wait_for()
    page.click("#train")
    assert page.inner_text("#train") == "Train"
    page.click("#back")
    assert page.inner_text("#progress").startswith("0 steps")


def test_what_one_drew_becomes_training_data(visit, digit_page):  # noqa: F811
    page = visit(digit_page)
    page.select_option("#label", "4")
    page.click("#teach")
    assert page.inner_text("#taught") == "1 of your own, the last one as a 4. Train, to let it learn from them."
