"""`tl.page`: a computation as a page on which one watches backpropagation, step by step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...errors import kind_of
from ...files import atomic_write, make_ready
from ..teaching.walkthrough import walkthrough_of
from ..vertex import printable
from .assemble import assembled, read
from .data import PageData

SCRIPTS = ("numbers.js", "arrays.js", "steps.js", "graph.js", "panel.js", "table.js", "theme.js", "main.js")


def page(
    what: Any,
    path: str | Path,
    names: Mapping[str, Any] | None = None,
    *,
    tokens: Sequence[str] = (),
    title: str = "",
) -> Path:
    """Write a page that shows a computation forward and then backward, step by step; one file, for any browser.

        with tl.Graph():
            z = w @ x + b
            C = (tl.sigmoid(z) - y) ** 2
            C.backward()
            tl.page(C, "neuron.html")

    what: the tensor that backward starts from, within the `with` or after it as long as its graph stands; or a Graph.
    Where backward has not run, the page goes backward itself and leaves every `.grad` alone. Without a Graph, values
    that no rule needs are not known.
    names: a dict from names to tensors; by default what the caller's variables, and their attributes, are called.
    Parameters have their module's names.
    tokens: texts of the tokens that attention reads, for its maps.  title: by default the file's name.
    Modules are boxes that open. The page's folder is made if there is none. Returns the path.
    Raises TypeError for anything but a Tensor or a Graph, and for names, tokens or a title of another kind;
    RuntimeError for a tensor without a graph, or whose graph backward has freed, or of several elements that backward
    did not start from; ValueError for an empty graph, NotADirectoryError for a file where the folder would be.
    """
    if not isinstance(title, str):
        raise TypeError(f"page: title is a text, not {kind_of(title)}")
    if not isinstance(tokens, Sequence) or isinstance(tokens, str) or not all(isinstance(t, str) for t in tokens):
        raise TypeError(f'page: tokens is a list of texts, as ["the", "bank"], not {kind_of(tokens)}')
    walk = walkthrough_of(what, names, "page")
    title = printable(title or Path(path).stem)
    data = {"title": title, **PageData(walk, tokens).as_data()}
    text = assembled(title, read("page.html"), SCRIPTS, data)
    make_ready(path)
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return Path(path)
