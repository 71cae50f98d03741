"""The notebooks: each runs, and its .ipynb shows what its cells show."""

import json
import re

import pytest

from notebooks.__main__ import FOLDER, notebook

NOTEBOOKS = sorted(FOLDER.glob("[!_]*.py"))


def told(made):
    """Cells without what another machine may compute otherwise: numbers, their colours, all that is measured."""
    for cell in made["cells"]:
        texts = [data for one in cell.get("outputs", ()) for data in (one.get("text"), *one.get("data", {}).values())]
        shown = [re.sub(r"(<[^>]*>\s*)+", "<>", "".join(text)) for text in texts if text]
        shown = [re.sub(r"([-+]?\d[\d.,]*(e[-+]\d+)?|\s|best)+", " ", text) for text in shown]
        yield cell["cell_type"], cell["metadata"], cell["source"], [] if cell["metadata"] else shown


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs_cell_by_cell_and_the_ipynb_shows_what_it_shows(path, monkeypatch):
    monkeypatch.chdir(FOLDER)
    before = {one: one.stat().st_mtime_ns for one in FOLDER.iterdir()}
    made = notebook(path)
    assert {one: one.stat().st_mtime_ns for one in FOLDER.iterdir()} == before  # it writes nothing
    kept = json.loads(path.with_suffix(".ipynb").read_text("utf-8"))
    assert list(told(made)) == list(told(kept)), "python -m examples.notebooks writes it anew"
    assert sum(len(cell.get("outputs", ())) for cell in made["cells"]) >= 4
    assert "<script" not in json.dumps(made)
    texts = path.read_text("utf-8").split("# %% [markdown]\n")[1:]
    lines = (line for text in texts for line in text.partition("\n# %%")[0].splitlines())
    assert all(line.startswith("#") or not line for line in lines), "a comment in each line of a text"


def test_the_table_of_the_readme_names_them_all():
    readme = (FOLDER / "README.md").read_text("utf-8")
    assert sorted(re.findall(r"\]\((\w+)\.ipynb\)", readme)) == [path.stem for path in NOTEBOOKS]
    assert {path.stem for path in FOLDER.glob("*.ipynb")} == {path.stem for path in NOTEBOOKS}
