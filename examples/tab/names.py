"""names.html's part in Python: 26_names.py in a browser's tab, and the same step with single numbers.

Each function is given a request and returns its answer, both as JSON, and tells nothing meanwhile:

    begin    {"seed": 0}                       {"steps": 1000}
    train    {"steps": 100, "seconds": 0.2}    {"step": 37, "losses": [...], "written": []}
    letters  {"begin": "mar"}                  {"tokens": [...], "letters": [["i", 0.2], ...], "attention": {...}}
    opened   {}                                {"name": "mary", "html": "..."}
    scalar   {"own": {}}                       {"name": "mary", "own": false, "loss": [2, 2], "seconds": [0.002, 0.5]}

train ends after so many steps, when the time is over, and after every 100 steps, with ten names then. opened and scalar
look at the name that the next step learns, and change nothing.
"""

import json
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from timeit import repeat
from typing import Any

sys.path.append(str(Path(__file__).parent.parent))

import tinygrad_lecture as tl

program: Any = import_module("26_names")
STEPS = 1000
learner: Any = None  # what `begin` has made


def begin(request: str, tell: object = None) -> str:
    """A new model, and the names in an order of the seed."""
    global learner
    seed = json.loads(request)["seed"]
    tl.manual_seed(seed)
    learner = program.Learner(program.show.load_names(seed), STEPS)
    return json.dumps({"steps": STEPS})


def train(request: str, tell: object = None) -> str:
    """Some steps of the training."""
    asked, before, end = json.loads(request), len(learner.losses), time.perf_counter()
    end += asked["seconds"]
    for _ in range(min(asked["steps"], STEPS - before)):
        learner.step()
        if len(learner.losses) % 100 == 0 or time.perf_counter() > end:
            break
    step = len(learner.losses)
    written = learner.write() if step > before and step % 100 == 0 else []
    return json.dumps({"step": step, "losses": learner.losses[before:], "written": written})


def letters(request: str, tell: object = None) -> str:
    """What comes after the first letters of a name, and what the heads look at there."""
    text = json.loads(request)["begin"]
    found = sorted(learner.next_letters(text).items(), key=lambda item: -item[1])
    weights = learner.model.trace(program.TOKENIZER.encode(program.END + text)).attention[0]  # (heads, tokens, tokens)
    attention = {"shape": weights.shape, "numbers": weights.ravel().tolist()}
    return json.dumps({"tokens": [program.END, *text], "letters": found, "attention": attention})


def opened(request: str, tell: object = None) -> str:
    """The next step as a page to step through: forward and backward with all values."""
    name = learner.next_name()
    with TemporaryDirectory() as folder, tl.Graph():
        path, loss = Path(folder, "step.html"), learner.loss([name])
        tokens = [program.END, *name]
        tl.page(loss, path, title=f"One step: {name}", tokens=tokens, classes=program.TOKENIZER.characters)
        return json.dumps({"name": name, "html": path.read_text(encoding="utf-8")})


def scalar(request: str, tell: object = None) -> str:
    """Loss and gradients of the next name, by arrays and by single numbers, and the seconds that both took.

    own: files of a learner, whose engine of chapter 2 computes. If that raises, the solved one does.
    """
    from examples.tab.scalars import ScalarGPT, engine  # here: it brings the exercises, which the page needs later

    name, own = learner.next_name(), json.loads(request)["own"]

    def by_arrays() -> float:
        loss = learner.loss([name])
        learner.optimizer.zero_grad()
        loss.backward()
        return loss.item()

    def by_numbers() -> float:
        Value, backward = engine(own)
        loss = ScalarGPT(learner.model, Value).loss(program.TOKENIZER.encode(program.END + name + program.END))
        backward(loss)
        return loss.data

    found = [timed(by_arrays, 20)]
    try:
        found.append(timed(by_numbers, 1))
    except Exception:  # whatever a learner's file does
        own = {}
        found.append(timed(by_numbers, 1))
    loss, seconds = zip(*found, strict=True)
    return json.dumps({"name": name, "own": bool(own), "loss": loss, "seconds": seconds})


def timed(function: Callable[[], float], times: int) -> tuple[float, float]:
    """What a function returns, and the seconds that it takes: the median of so many times."""
    found: list[float] = []
    seconds = repeat(lambda: found.append(function()), number=1, repeat=times)
    return found[-1], median(seconds)
