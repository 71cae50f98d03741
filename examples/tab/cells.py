"""Cells of a notebook in a browser's tab: a request is the text of a cell, and its answer is what that shows.

    {"cell": 3, "text": "1 + 1"}
    {"html": "<div ...>2</div>", "error": "", "line": 0}

error: in one line, "" if there is none; line: where it is in the cell, or 0. The names of all cells are those of one
module, as in Jupyter. A page or a picture that a cell writes into its folder, as `tl.page` and `Graph.draw` do, is
shown below it.

`run` and `shown` also serve examples/notebooks and the site, which shows the same before anything has run.
"""

import ast
import io
import json
import linecache
import re
import sys
import traceback
from collections.abc import Callable
from contextlib import chdir, redirect_stderr, redirect_stdout
from html import escape
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / "notebooks"  # where Jupyter runs them
NAMES: dict[str, Any] = {"__name__": "__main__"}
sys.path.append(str(FOLDER.parents[1]))  # a tab finds modules where it works, and cells work in another folder
MISSING = "A tab has Python, NumPy and this project alone; on your own machine one installs more."


def answer(request: str, tell: Callable[[str], None]) -> str:
    """Run a cell. Tells nothing meanwhile."""
    asked, outputs, short, line = json.loads(request), list[dict[str, Any]](), "", 0
    FOLDER.mkdir(exist_ok=True)
    before = written()
    with chdir(FOLDER):
        try:
            run(asked["text"], NAMES, outputs, asked["cell"])
        except BaseException as error:  # SystemExit too: Python goes on
            text, short, line = told(error, asked["cell"])
            outputs.append({"output_type": "error", "text": text})
    for _, path in sorted(written() - before):
        text = path.read_text(encoding="utf-8")
        frame = f'<iframe title="{escape(path.name)}" sandbox="allow-scripts" srcdoc="{escape(text)}"></iframe>'
        outputs.append({"data": {"text/plain": path.name, "text/html": text if path.suffix == ".svg" else frame}})
    return json.dumps({"html": shown(outputs), "error": short, "line": line})


def run(source: str, names: dict[str, Any], outputs: list[dict[str, Any]], cell: int) -> None:
    """Run a cell of this number. What it prints, and the value of its last line, joins outputs, as nbformat has them.

    Raises what the cell raises.
    """
    file = f"<cell {cell}>"
    linecache.cache[file] = len(source), None, source.splitlines(keepends=True), file
    tree = ast.parse(source, file)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    value, printed = None, io.StringIO()
    try:
        with redirect_stdout(printed), redirect_stderr(printed):
            exec(compile(tree, file, "exec"), names)
            if isinstance(last, ast.Expr):
                value = eval(compile(ast.Expression(last.value), file, "eval"), names)
    finally:
        if printed.getvalue():
            outputs.append({"name": "stdout", "output_type": "stream", "text": printed.getvalue().splitlines(True)})
    if value is not None:
        names["_"] = value  # it is shown among the variables of the notebook, whose names a graph takes
        data = {"text/plain": eval("repr(_)", names).splitlines(True)}
        if hasattr(value, "_repr_html_"):
            data["text/html"] = eval("_._repr_html_()", names).splitlines(True)
        outputs.append({"data": data, "execution_count": cell, "metadata": {}, "output_type": "execute_result"})


def told(error: BaseException, cell: int) -> tuple[str, str, int]:
    """An error in words, after the lines of cells that led to it; its first line; where it is in the cell, or 0."""
    frames = [(frame.filename, frame.lineno or 0, frame.line) for frame in traceback.extract_tb(error.__traceback__)]
    if isinstance(error, SyntaxError):  # the text has no frame yet
        frames.append((error.filename or "", error.lineno or 0, (error.text or "").strip()))
    places = [f"{file[1:-1].capitalize()}, line {n}: {text}" for file, n, text in frames if file.startswith("<cell ")]
    said = f"{type(error).__name__}: {error}".removesuffix(": ").splitlines()
    said += [MISSING] * isinstance(error, ImportError)
    own = [line for file, line, _ in frames if file == f"<cell {cell}>"]
    return "\n".join([*dict.fromkeys(places), *said]), said[0], [0, *own][-1]


def shown(outputs: list[dict[str, Any]]) -> str:
    """What a cell shows, as HTML. Texts never become HTML; HTML that a value has of itself stays so."""
    parts = []
    for output in outputs:
        data = output.get("data", {"text/plain": output.get("text")})
        plain = f"<pre>{escape(''.join(data['text/plain']))}</pre>"
        kind = f"output {output.get('output_type', '')}".strip()
        parts.append(f'<div class="{kind}" tabindex="0">{"".join(data.get("text/html", plain))}</div>')
    return accessible("".join(parts))


def accessible(html: str) -> str:
    """HTML whose empty headers are cells, as screen readers take those for a fault; keys scroll what is wide."""
    return re.sub(r"<th([^>]*)></th>", r"<td\1></td>", html).replace("<pre", '<pre tabindex="0"')


def written() -> set[tuple[int, Path]]:
    """The pages and pictures in the folder, each after its time."""
    return {(path.stat().st_mtime_ns, path) for path in FOLDER.iterdir() if path.suffix in (".html", ".svg")}
