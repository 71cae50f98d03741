"""Runs the notebooks, and writes each as .ipynb beside its program, with what its cells show.

    python -m examples.notebooks                # all of them
    python -m examples.notebooks attention      # some, by name

It needs no Jupyter. A cell begins with `# %%`, one of text with `# %% [markdown]`. As in a notebook, the value of the
last line of a cell is shown. What differs from run to run, as times do, stands in a cell `# %% tags=["measured"]`.
"""

import ast
import contextlib
import io
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


def notebook(path: Path) -> dict[str, Any]:
    """Run a program cell by cell. Returns the notebook, as JSON has it: nbformat 4.5."""
    variables: dict[str, Any] = {"__name__": "__main__"}
    cells = []
    for i, text in enumerate(re.split(r"^# %%", path.read_text("utf-8"), flags=re.MULTILINE)[1:]):
        head, _, body = text.partition("\n")
        cell: dict[str, Any] = {"cell_type": "markdown", "id": f"cell-{i}", "metadata": {}}
        if head.strip() == "[markdown]":
            cell["source"] = _lines(re.sub(r"^# ?", "", body.strip(), flags=re.MULTILINE))
        else:
            tags = {"tags": json.loads(head.partition("tags=")[2])} if "tags=" in head else {}
            count = sum(one["cell_type"] == "code" for one in cells) + 1
            cell |= {"cell_type": "code", "execution_count": count, "metadata": tags, "source": _lines(body.strip())}
            cell["outputs"] = _outputs(body, variables, count)
        cells.append(cell)
    metadata = {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def _outputs(source: str, variables: dict[str, Any], count: int) -> list[dict[str, Any]]:
    """Run a cell. Returns what it prints, and the value of its last line."""
    tree = ast.parse(source)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    value, outputs = None, list[dict[str, Any]]()
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(compile(tree, "<cell>", "exec"), variables)
        if last is not None:
            value = eval(compile(ast.Expression(last.value), "<cell>", "eval"), variables)
    if printed.getvalue():
        outputs.append({"name": "stdout", "output_type": "stream", "text": _lines(printed.getvalue())})
    if value is not None:
        variables["_"] = value  # it is shown among the variables of the notebook, whose names a graph takes
        data = {"text/plain": _lines(eval("repr(_)", variables))}
        if hasattr(value, "_repr_html_"):
            data["text/html"] = _lines(eval("_._repr_html_()", variables))
        outputs.append({"data": data, "execution_count": count, "metadata": {}, "output_type": "execute_result"})
    return outputs


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def main(names: list[str]) -> None:
    """Write the notebooks of these names, or all."""
    os.chdir(FOLDER)  # where Jupyter runs them
    for path in sorted(FOLDER.glob("[!_]*.py")):
        if not names or path.stem in names:
            made = json.dumps(notebook(path), indent=1, ensure_ascii=False)
            path.with_suffix(".ipynb").write_text(made + "\n", encoding="utf-8", newline="\n")
            print(path.with_suffix(".ipynb").name)


if __name__ == "__main__":
    main(sys.argv[1:])
