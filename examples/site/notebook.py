"""A notebook as HTML, with what its cells show.

Texts never become HTML. What a cell shows as HTML stays so: it is a table or a picture that the engine made.
"""

import json
import re
from html import escape
from pathlib import Path
from typing import Any


def html(path: Path) -> str:
    """All cells of a notebook."""
    from markdown_it import MarkdownIt  # rich brings it

    rendered = MarkdownIt("commonmark", {"html": False}).render

    def words(source: str) -> str:
        return re.sub(r"\$+(.+?)\$+", lambda found: f"<i>{formula(found[1])}</i>", rendered(source), flags=re.DOTALL)

    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    joined = "".join(words("".join(cell["source"])) if "outputs" not in cell else code(cell) for cell in cells)
    joined = re.sub(r"<th([^>]*)></th>", r"<td\1></td>", joined)  # a screen reader takes an empty header for a fault
    return joined.replace("<pre", '<pre tabindex="0"')  # keys scroll what is wider than the page


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
    parts = [f'<pre class="code">{escape("".join(cell["source"]))}</pre>']
    for output in cell["outputs"]:
        data = output.get("data", {"text/plain": output.get("text")})
        plain = f"<pre>{escape(''.join(data['text/plain']))}</pre>"
        parts.append(f'<div class="output" tabindex="0">{"".join(data.get("text/html", plain))}</div>')
    return "".join(parts)
