"""Runs the notebooks, and writes into each what its cells show.

    python -m examples.notebooks                # all of them
    python -m examples.notebooks attention      # some, by name

It needs no Jupyter. As there, the value of the last line of a cell is shown. What differs from run to run, as times do,
stands in a cell with the tag "measured".
"""

import ast
import contextlib
import io
import json
import os
import sys
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent


def notebook(path: Path) -> dict[str, Any]:
    """Run a notebook cell by cell. Returns it with what its cells show now, as JSON has it: nbformat 4.5."""
    made: dict[str, Any] = json.loads(path.read_text("utf-8"))
    variables: dict[str, Any] = {"__name__": "__main__"}
    for cell in made["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"] = _outputs("".join(cell["source"]), variables, cell["execution_count"])
    return made


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
    for path in sorted(FOLDER.glob("*.ipynb")):
        if not names or path.stem in names:
            made = json.dumps(notebook(path), indent=1, ensure_ascii=False)
            path.write_text(made + "\n", encoding="utf-8", newline="\n")
            print(path.name)


if __name__ == "__main__":
    main(sys.argv[1:])
