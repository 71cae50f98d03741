"""Runs the notebooks, and writes into each what its cells show.

    python -m examples.notebooks                # all of them
    python -m examples.notebooks attention      # some, by name

It needs no Jupyter. As there, the value of the last line of a cell is shown. What differs from run to run, as times do,
stands in a cell with the tag "measured".
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

from examples.tab.cells import run

FOLDER = Path(__file__).parent


def notebook(path: Path) -> dict[str, Any]:
    """Run a notebook cell by cell. Returns it with what its cells show now, as JSON has it: nbformat 4.5."""
    made: dict[str, Any] = json.loads(path.read_text("utf-8"))
    variables: dict[str, Any] = {"__name__": "__main__"}
    for cell in made["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"] = []
            run("".join(cell["source"]), variables, cell["outputs"], cell["execution_count"])
    return made


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
