"""Cells of notebooks: what one shows, its errors, the names that live on; and a page of them, in Chromium."""

import json
import re
from types import SimpleNamespace

import pytest

from browser import faults
from examples.site import notebook, pages
from examples.tab import cells

ROOT = pages.HERE.parents[1]


@pytest.fixture
def run(tmp_path, monkeypatch):
    """run(text, cell=1): what a cell shows, as an answer has it."""
    monkeypatch.setattr(cells, "FOLDER", tmp_path / "notebooks")
    monkeypatch.setattr(cells, "NAMES", {"__name__": "__main__"})
    return lambda text, cell=1: json.loads(cells.answer(json.dumps({"cell": cell, "text": text}), print))


def test_a_cell_shows_what_it_prints_and_the_value_of_its_last_line(run):
    answer = run("print('<b>')\n6 * 7")
    assert re.findall(r"<pre[^>]*>([^<]*)</pre>", answer["html"]) == ["&lt;b&gt;\n", "42"]
    assert run("x = 1")["html"] == run("")["html"] == run("# nothing")["html"] == ""


def test_names_live_on_and_a_graph_is_a_picture_with_them(run):
    run("import tinygrad_lecture as tl\nw = tl.tensor([0.5, -1.5], requires_grad=True)\ndef double(x): return 2 * x")
    graph = run("with tl.Graph() as graph:\n    cost = (double(w) ** 2).sum()\n    cost.backward()\ngraph", 2)["html"]
    assert "<svg" in graph
    assert ">cost<" in graph.replace("</tspan>", "<").replace(" ", "")
    shown = run("w.grad", 3)["html"]
    assert "<b>Tensor (2,) float32</b>" in shown
    assert all(f">{number}</td>" in shown for number in ("4", "-12"))


@pytest.mark.parametrize(("text", "shown", "error", "line"), [
    ("x = 1\n1 / 0", "Cell 1, line 2: 1 / 0\nZeroDivisionError: division", "ZeroDivisionError: division by zero", 2),
    ("x = 1\ny = 2 +", "Cell 1, line 2: y = 2 +\nSyntaxError: invalid syntax (", "SyntaxError: invalid syntax", 2),
    ("import torch_is_not_here", cells.MISSING, "ModuleNotFoundError: No module named 'torch_is_not_here'", 1),
    ("raise SystemExit", "line 1: raise SystemExit\nSystemExit<", "SystemExit", 1),
])  # fmt: skip
def test_an_error_is_told_with_its_line(text, shown, error, line, run):
    answer = run(text)
    assert shown in answer["html"]
    assert answer["error"].startswith(error)
    assert answer["line"] == line


def test_what_was_printed_before_an_error_stays_and_a_line_of_another_cell_is_named(run):
    run("def f(x):\n    return x @ x", 2)
    answer = run("print('before')\nf(1)", 5)
    assert "before" in answer["html"]
    assert "Cell 5, line 2: f(1)\nCell 2, line 2: return x @ x\nTypeError: " in answer["html"]


def test_a_page_that_a_cell_writes_is_shown_in_a_frame_once(run):
    text = "import tinygrad_lecture as tl\nw = tl.tensor(2.0, requires_grad=True)\nwith tl.Graph() as graph:\n"
    shown = run(f"{text}    C = w * w\n    tl.page(C, 'c.html')\ngraph.draw('c.svg')\n1")["html"]
    assert re.findall('<iframe title="([^"]*)" sandbox="allow-scripts" srcdoc="', shown) == ["c.html"]
    assert shown.count("<svg") == 1  # the picture
    assert "<iframe" not in run("2")["html"]


def test_the_first_snippet_of_the_readme_ends_a_cell_where_it_shows_something(run):
    found = notebook.cells_of(ROOT / "README.md")
    ends = ["".join(cell["source"]).splitlines()[-1].partition("  ")[0] for cell in found]
    assert ends == ["w.grad", "print(graph)", 'path = tl.page(C, "neuron.html")']
    for number, cell in enumerate(found, 1):
        assert run("".join(cell["source"]), number)["error"] == ""


def test_the_first_page_promises_cells_only_where_their_python_is(tmp_path):
    pages.index_page(tmp_path / "index.html")
    assert "Run all" not in (tmp_path / "index.html").read_text(encoding="utf-8")
    pages.write_notebooks(tmp_path, SimpleNamespace(offline=False))
    pages.index_page(tmp_path / "index.html")
    assert "Run all" in (tmp_path / "index.html").read_text(encoding="utf-8")


# --- the pages, in Chromium -------------------------------------------------------------------------------------------


@pytest.fixture
def page(visit, served):
    page = visit(f"{served}notebooks/temperature.html")
    page.locator(".cm-content").first.wait_for()
    return page


def says(page, text):
    page.locator("#ran", has_text=re.compile(text)).wait_for(timeout=60_000)


@pytest.mark.browser
def test_a_weight_is_changed_on_the_first_page_and_its_gradient_is_another(visit, served):
    page = visit(f"{served}index.html")
    shown = page.locator(".cell").first.locator(".output")
    assert shown.inner_text().strip() == "tensor([-0.2926, -0.1463])"
    page.locator(".cm-line", has_text="w = tl").get_by_text("0.5", exact=True).click(position={"x": 1, "y": 5})
    assert not page.evaluate("performance.getEntriesByType('resource').some(({ name }) => name.includes('pyodide'))")
    page.keyboard.type("2")  # 20.5
    page.keyboard.press("Control+Enter")
    says(page, "^Cell 1 ran")
    assert "Tensor (2,) float32" in shown.inner_text()
    assert "-0.2926" not in shown.inner_text()
    page.get_by_role("button", name="Run cell 3").click()  # the second runs first
    says(page, "^Cells 2, 3 ran")
    page.frame_locator("iframe").locator("#title", has_text="neuron").wait_for()
    page.locator(".cell svg", has_text="gradients flow back up").wait_for()


@pytest.mark.browser
def test_the_cells_above_run_first_and_an_error_marks_its_line(page):
    said = "NameError: name 'nowhere' is not defined"
    told = page.evaluate("notebook.run(3, 'print(len(words))\\nnowhere')")
    assert told == {"passed": False, "text": f"5\nCell 3, line 2: nowhere\n{said}"}
    assert page.inner_text("#ran") == f"Cell 3: {said}"
    assert page.locator(".cm-line.wrong").inner_text() == "nowhere"
    page.get_by_role("button", name="As it was").locator("visible=true").click()
    page.get_by_role("button", name="Run cell 3").click()
    says(page, "^Cell 3 ran")


@pytest.mark.browser
def test_after_stop_a_run_begins_at_the_top_and_what_one_writes_outlives_a_reload(page):
    page.evaluate("void notebook.run(2, 'while True: pass')")
    says(page, "^Cell 2 runs")
    page.click("#stop")
    says(page, "^Cell 2 was stopped. The names of all cells are gone")
    assert page.evaluate("notebook.run(2, 'print(len(words))')") == {"passed": True, "text": "5\n"}
    assert page.inner_text("#ran") == "Cells 1, 2 ran."
    page.reload()
    page.locator(".cm-line", has_text="print(len(words))").wait_for()


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", ["index", "notebooks/backpropagation"])
def test_a_page_of_cells_is_accessible_and_fits(name, theme, width, visit, served):
    page = visit(f"{served}{name}.html", viewport={"width": width, "height": 800}, color_scheme=theme, bypass_csp=True)
    page.click("#all")
    says(page, " ran.$")
    page.evaluate("notebook.run(2, '1 / 0')")
    assert faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
