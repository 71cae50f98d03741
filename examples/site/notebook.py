"""Cells of a notebook as HTML, with what they show; cells.js lets one edit and run them."""

import json
import re
from doctest import DocTestParser
from html import escape
from pathlib import Path
from typing import Any

from examples.tab.cells import accessible, shown


def cells_of(path: Path) -> list[dict[str, Any]]:
    """The cells of a notebook, or of a README's first snippet: one ends where that shows something."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        return json.loads(text)["cells"]
    cells, source = [], ""
    for example in DocTestParser().get_examples(text.partition("```python\n")[2].partition("```")[0]):
        source += example.source
        if example.want:
            cells.append({"source": [source.strip()], "outputs": [{"text": [example.want]}]})
            source = ""
    return [*cells, {"source": [source.strip()], "outputs": []}]


def html(cells: list[dict[str, Any]]) -> str:
    """Cells as HTML."""
    from markdown_it import MarkdownIt  # rich brings it

    rendered = MarkdownIt("commonmark", {"html": False}).render

    def words(source: str) -> str:
        told = re.sub(r"\$+(.+?)\$+", lambda found: f"<i>{formula(found[1])}</i>", rendered(source), flags=re.DOTALL)
        return accessible(told)

    return "".join(words("".join(cell["source"])) if "outputs" not in cell else code(cell) for cell in cells)


def formula(latex: str) -> str:
    """A formula of LaTeX's simple kinds: names of signs, fractions in a line, what stands lower and higher."""
    text = re.sub(r"\\frac\{(.+?)\}\{(.+)\}", r"(\1) / (\2)", latex)
    for name, sign in {"cdot": "·", "sigma": "σ", "sum": "Σ", "log": "log"}.items():
        text = text.replace(f"\\{name}", sign)
    for mark, tag in {"_": "sub", "^": "sup"}.items():
        text = re.sub(rf"\{mark}(?:\{{(.+?)\}}|(\w))", rf"<{tag}>\1\2</{tag}>", text)
    return text


def code(cell: dict[str, Any]) -> str:
    """A cell of code: its lines, what they print, and the value of the last one."""
    source = escape("".join(cell["source"]))
    return f'<div class="cell"><pre class="code" tabindex="0">{source}</pre><div>{shown(cell["outputs"])}</div></div>'
