"""`tl.page`: a computation as a page on which one watches backpropagation, step by step.

A page is one HTML file. It loads nothing else, and its policy forbids it to. Its data are values, steps of backward and
views to draw. Small arrays are there whole, bit for bit. Of large ones it has range, mean and parts.

views.py      what is drawn: which module each value stands in, the boxes of each module, their layout, and words for
              values in them
steps.js      which step one is at, in which view; graph.js and panel.js show it, main.js hears the keys
numbers.js    what all share, with arrays.js, elements.js, keys.js and theme.js; each script names those that it needs
program.py    what each step computes, forward and backward, read off the engine; compute.js runs it in the browser, and
              live.js has it run when a number is changed
"""

from __future__ import annotations

import base64
import json
import linecache
import math
import re
from collections.abc import Sequence
from html import escape
from itertools import accumulate
from pathlib import Path
from string import Template
from typing import Any

import numpy as np

from ...backend import Array
from ...errors import kind_of
from ...files import make_folder, sweep, write_text
from ..explain import term_text
from ..explain.elements import formula_with_numbers, forward_lines
from ..explain.formulas import definition_of, weights_of
from ..explain.walkthrough import Walkthrough, started, walkthrough_of
from ..notebook import means
from ..printing import in_words
from ..vertex import Line, Step, Term, Vertex, printable
from .program import programs_of
from .views import Views, reshaped, words_of

FOLDER = Path(__file__).parent


FILE = "script-src 'unsafe-inline'; worker-src blob:"  # what a page that is a file may run: its own text


def assembled(title: str, body: str, script: str, data: Any = None, allowed: str = FILE) -> str:
    """The text of a page. body: HTML. script: see `script_of`.

    allowed: what it may run and ask for beside itself, as directives of a Content-Security-Policy.
    """
    parts = {"title": escape(title), "style": read("page.css"), "data": _json(data), "script": script_of(script)}
    return Template(read("frame.html")).substitute(body=body, allowed=allowed, **parts)


def script_of(name: str) -> str:
    """The text of a script of this folder, after those that it needs: its first lines name them, as tsc has it."""
    return "\n".join(dict.fromkeys(_with_needed(FOLDER / f"{name}.js")))


def _with_needed(script: Path) -> list[str]:
    """The texts of what a script needs, some more than once, and its own."""
    text = script.read_text(encoding="utf-8")
    named = re.findall(r'^/// <reference path="(.+)" />$', text, re.MULTILINE)
    return [*(one for name in named for one in _with_needed(script.parent / name)), text]


def _json(data: Any) -> str:
    """JSON for a script, which no text in it can end: it has no tags, and no line ends that scripts forbid."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text.encode("utf-8", "replace").decode("utf-8")  # half a surrogate pair is no text


def read(name: str) -> str:
    """A file of this folder."""
    return (FOLDER / name).read_text(encoding="utf-8")


def page(
    what: Any,
    path: str | Path,
    *,
    tokens: Sequence[str] = (),
    classes: Sequence[str] = (),
    title: str = "",
    home: str = "",
) -> Path:
    """Write a page that shows a computation forward and then backward, step by step; one file, for any browser.

        with tl.Graph():
            z = w @ x + b
            C = (tl.sigmoid(z) - y) ** 2
            C.backward()
            tl.page(C, "neuron.html")

    what: the tensor that backward starts from, within the `with` or after it as long as the Graph is there; or a Graph.
    If backward has not run yet, `page` runs it, and leaves every `.grad` alone. Values are called what the caller's
    variables, and their attributes, are called, and parameters what their module calls them; `Graph.name` names others.
    tokens: texts of the tokens that attention reads, for its maps.  classes: what a cross-entropy chooses from, as the
    texts of a vocabulary, by default their numbers; the page ends with their probabilities.  title: by default the
    file's name.
    home: the address of the page that leads here, as "index.html", if this one shall link to it.
    Modules are boxes that open. In a graph of up to 20,000 numbers one can change those of a parameter or constant: the
    page computes what follows, forward and backward, or says what it has no rule for. The page's folder is made if
    there is none. Returns the path.
    Raises TypeError for anything but a Tensor or a Graph, and for tokens or classes of another kind;
    RuntimeError for a tensor without a graph, or whose graph backward has freed, or of several elements that backward
    did not start from; ValueError for an empty graph, NotADirectoryError for a file where the folder would be.
    """
    given = {"tokens": tokens, "classes": classes}
    for name, texts in given.items():
        if not isinstance(texts, Sequence) or isinstance(texts, str) or not all(isinstance(t, str) for t in texts):
            raise TypeError(f'page: {name} is a list of texts, as ["the", "bank"], not {kind_of(texts)}')
    walk = walkthrough_of(what, "page")
    told = {name: list(map(printable, texts)) for name, texts in given.items()}
    data = {"title": printable(title or Path(path).stem), **told, **PageData(walk).as_data()}
    body = read("page.html").replace("$home", f'<a href="{escape(home)}">All pages</a>' if home else "")
    make_folder(Path(path).parent)
    sweep(path)
    return write_text(path, assembled(data["title"], body, "main", data))


BUDGET = 4_000_000  # bytes of arrays that a page holds whole, beside those of up to SMALL elements
SMALL = 64
SIDE = 16  # rows and columns of the pictures of a large array
CORNER = 8  # rows and columns of it that are there as numbers


class Arrays:
    """The arrays of a page. `add` returns the number under which an array will stand in `as_data`."""

    def __init__(self) -> None:
        self._arrays: list[Array] = []
        self._numbers: dict[Any, int] = {}

    def add(self, array: Array | None) -> int:
        """The number of an array: the same for an equal one; -1 for None."""
        if array is None:
            return -1
        array = np.ascontiguousarray(array).reshape(array.shape)
        key = (array.shape, array.dtype.str, array.tobytes())
        number = self._numbers.setdefault(key, len(self._arrays))
        if number == len(self._arrays):
            self._arrays.append(array)
        return number

    def as_data(self) -> list[dict[str, Any]]:
        """The arrays, as JSON has them. The smaller ones stay whole, as far as the budget goes."""
        smallest_first = sorted(self._arrays, key=lambda array: array.size)
        bytes_to = zip(smallest_first, accumulate(array.nbytes for array in smallest_first), strict=True)
        largest = max(SMALL, next((array.size - 1 for array, count in bytes_to if count > BUDGET), math.inf))
        return [
            {
                "text": in_words(array), "shape": list(array.shape),
                **(_whole(array) if array.size <= largest else _summary(array)),
            }
            for array in self._arrays
        ]  # fmt: skip


def _whole(array: Array) -> dict[str, Any]:
    """An array bit for bit. Bools become bytes. Other kinds become float64, as all numbers of the page."""
    kept = array.dtype in (np.float32, np.float64)
    plain = array if kept else array.astype(np.uint8 if array.dtype == np.bool_ else np.float64)
    return {"dtype": array.dtype.name, "size": plain.itemsize, "data": _text(plain)}


def _summary(array: Array) -> dict[str, Any]:
    """A large array: its ends, the numbers of its first corner, and a picture of the means over its parts."""
    matrix = array.reshape(-1, array.shape[-1]).astype(np.float32)
    corner, picture = matrix[:CORNER, :CORNER], means(matrix, SIDE).astype(np.float32)
    finite = array[np.isfinite(array)]
    return {
        "dtype": array.dtype.name, "size": 4, "corner": _text(corner), "cornerShape": list(corner.shape),
        "picture": _text(picture), "pictureShape": list(picture.shape), "odd": array.size - finite.size,
        **({"low": float(finite.min()), "high": float(finite.max())} if finite.size else {}),
    }  # fmt: skip


def _text(array: Array) -> str:
    """The memory of an array, little-endian, in base64."""
    return base64.b64encode(array.astype(array.dtype.newbyteorder("<")).tobytes()).decode("ascii")


class PageData:
    """What a page is told of a computation."""

    def __init__(self, walk: Walkthrough) -> None:
        self.walk, self.arrays = walk, Arrays()
        self.index = {vertex: i for i, vertex in enumerate(walk.vertices)}
        self.lines: dict[Line, int] = {}
        self.folded = reshaped(walk.vertices)
        self.programs, self.hindrance = programs_of(walk, self.arrays.add)

    def as_data(self) -> dict[str, Any]:
        """Everything, as JSON has it. Only here a folded value has the name of what it is in another shape."""
        names = {vertex: vertex.name for vertex in self.folded}
        for vertex, source in self.folded.items():
            vertex.name = str(source)
        try:
            return self._data()
        finally:
            for vertex, name in names.items():
                vertex.name = name

    def _data(self) -> dict[str, Any]:
        walk = self.walk
        words = words_of(walk.vertices)
        views = Views(walk, self.folded, words).as_data()
        at = zip(walk.vertices, views.pop("at"), strict=True)
        return {
            "result": self.index[walk.result],
            "differentiated": walk.differentiated,
            "note": walk.note(),
            "own": walk.own,
            "hindrance": self.hindrance,
            "values": [self._value(vertex, group, words.get(vertex, "")) for vertex, group in at],
            "steps": [self._step(step) for step in walk.steps],
            **views,
            "lines": [_line(file, number) for file, number in self.lines],
            "arrays": self.arrays.as_data(),
        }

    def _value(self, vertex: Vertex, group: int, words: str) -> dict[str, Any]:
        return {
            "number": vertex.number,
            "name": str(vertex),
            "gradient": self.walk.gradient_of(vertex),
            "op": vertex.op or "",
            "kind": "result" if vertex.op else "parameter" if vertex.requires_grad else "constant",
            "formula": vertex.formula if vertex.op else "",
            "filled": formula_with_numbers(vertex),
            "definition": definition_of(vertex),
            "sums": forward_lines(vertex),
            "shape": list(vertex.shape),
            "dtype": "" if vertex.dtype is None else vertex.dtype.name,
            "inputs": [self.index.get(x, -1) for x in vertex.inputs],
            "value": self.arrays.add(vertex.value),
            "stored": self.arrays.add(self.walk.stored.get(vertex)),
            "group": group,
            "words": words,
            "folded": self.index[self.folded[vertex]] if vertex in self.folded else -1,
            "partOf": vertex.part_of,
            "module": "" if vertex.scope is None else str(vertex.scope),
            "lines": [self.lines.setdefault(line, len(self.lines)) for line in vertex.lines],
            "weights": self.arrays.add(weights_of(vertex)),
            "program": self.programs.get(vertex),
        }

    def _step(self, step: Step) -> dict[str, Any]:
        return {
            "value": self.index[step.vertex],
            "upstream": self.arrays.add(step.upstream),
            "starts": step.starts,
            "start": started(step),
            "changed": step.changed,
            "terms": [self._term(step, term) for term in step.terms],
        }

    def _term(self, step: Step, term: Term) -> dict[str, Any]:
        return {
            "to": self.index[term.to],
            "position": term.position,
            "array": self.arrays.add(term.gradient),
            "after": self.arrays.add(term.after),
            "count": term.count,
            "of": term.of,
            **vars(term_text(self.walk, step, term)),
        }


def _line(file: str, number: int) -> dict[str, Any]:
    """A line of a program: where it is and what it says."""
    text = linecache.getline(file, number).partition("  #")[0].strip()
    return {"file": Path(file).name, "number": number, "text": text}
