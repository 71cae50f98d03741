"""The notebooks: each runs cell by cell and shows something."""

import ast
import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent.parent.parent / "examples" / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.py"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_its_cells_run_one_by_one_and_what_they_show_shows(path, tmp_path, monkeypatch):
    """As a notebook does: the last line of a cell, if it is an expression, is shown."""
    monkeypatch.chdir(tmp_path)
    variables = {"__name__": "__main__"}
    shown = 0
    for cell in re.split(r"^# %%", path.read_text("utf-8"), flags=re.M)[1:]:
        if cell.startswith(" [markdown]"):
            assert all(line.startswith("#") or not line for line in cell.split("\n")[1:]), "a comment in each line"
            continue
        tree = ast.parse("#" + cell)
        last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, str(path), "exec"), variables)
        if last is not None:
            value = eval(compile(ast.Expression(last.value), str(path), "eval"), variables)
            if value is not None:
                shown += 1
                assert repr(value)
                html = getattr(value, "_repr_html_", lambda: "")()
                assert "<script" not in html
    assert shown >= 4
    assert list(tmp_path.iterdir()) == []


def test_the_table_of_the_readme_names_them_all():
    listed = re.findall(r"\]\((\w+\.py)\)", (FOLDER / "README.md").read_text("utf-8"))
    assert sorted(listed) == [path.name for path in NOTEBOOKS]
