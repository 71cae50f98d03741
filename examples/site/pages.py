"""Each page: what it is given, and its file."""

from helpers.claims import all_claims
from helpers.mnist import Digits
from helpers.program import ENDED
from show.gpt import load_corpus

import base64
import json
import re
import tomllib
from collections.abc import Callable
from html import escape
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from shutil import rmtree
from string import Template
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

import nn
import tinygrad_lecture as tl
from examples.site import cheat_sheet, claims, notebook, steps
from examples.site.on_python import Loaded, loaded_in, on_python
from tinygrad_lecture.files import write_text
from tinygrad_lecture.inspect.page import FILE, assembled, script_of
from transformer import GPT, BPETokenizer
from transformer.tokenizer.bpe import WORDS

HERE = Path(__file__).parent
NOTEBOOKS = {f"notebooks/{path.stem}.html": f"{path.stem.replace('_', ' ').capitalize()}: a notebook"
             for path in sorted((HERE.parent / "notebooks").glob("*.ipynb"))}  # fmt: skip
PAGES: dict[str, list[str]] = tomllib.loads((HERE / "pages.toml").read_text("utf-8")) | {"notebooks": [*NOTEBOOKS]}
LEADING = re.compile(r'<(\w+) data-page="(.+?)".*?</\1>', re.DOTALL)  # an element of the first page, and where to
HOME = '<a href="index.html">All pages</a>'
LEARN, TEST = 2000, 500  # pictures that the page has
TEXTS = {model: [*texts.items()] for model, texts in tomllib.loads((HERE / "texts.toml").read_text("utf-8")).items()}


def digit_page(path: Path, model: nn.MLP, digits: Digits, home: str = "") -> None:
    """Draw a digit: the lecture's network, and pictures to train it anew. home: a link to the site's first page."""
    with tl.no_grad():
        answers = model(tl.tensor(digits.test_images[:TEST])).argmax(-1).numpy()
    data = {
        "layers": [as_data(layer) for layer in model if isinstance(layer, nn.Linear)],
        "train": {"images": pixels(digits.train_images[:LEARN]), "labels": encoded(digits.train_labels[:LEARN], "u1")},
        "test": {"images": pixels(digits.test_images[:TEST]), "labels": encoded(digits.test_labels[:TEST], "u1")},
        "first": pixels(digits.test_images[((digits.test_labels[:TEST] == 7) & (answers == 7)).argmax()]),  # a 7, read
        "worker": script_of(str(HERE / "worker")),
    }
    page(path, "Draw a digit", "digit", data, home=home)


def play_page(out: Path, settings: Any) -> None:
    """Points in the plane, and a network that one builds and trains."""
    page(out / "play.html", "Play with a network", "play", {"worker": script_of(str(HERE / "worker"))}, home=HOME)


def text_page(path: Path, model: GPT, tokenizer: BPETokenizer, signs: str, source: str, steps: int) -> None:
    """Type a text: a small GPT, its attention, the residual stream after each block, and the next token.

    signs: the characters of what it learnt from, each a token. source: what that is. steps: how many it took.
    """
    c = model.config
    weights = {name: {"shape": list(w.shape), "data": encoded(w.numpy(force=True), "f2")}
               for name, w in model.state_dict().items()}  # fmt: skip
    data = {
        "config": {"layers": c.layers, "heads": c.heads, "width": c.width, "context": c.context, "eps": c.eps,
                   "vocabulary": c.vocab_size},
        "weights": weights,
        "vocabulary": [tokenizer.decode([token]) for token in range(c.vocab_size)],
        "merges": tokenizer.merges,
        "pattern": WORDS,
        "signs": signs,
        "texts": TEXTS["small"],
        "worker": script_of(str(HERE / "gpt_worker")),
    }  # fmt: skip
    learnt = f"It learnt in {steps:,} steps from {escape(source)}."
    about = f"{learnt} A token is a word with the space before it; other words are cut into pieces."
    parts = {"model": "a small GPT", "home": HOME, "about": about, "likeliest": str(c.vocab_size)}
    page(path, "Type a text", "text", data, **parts)


def index_page(path: Path) -> None:
    """The first page: paper for a digit, cells, and pictures and links of those of the others that are there."""
    loaded = loaded_in(path.parent)
    tried = "<h2>Try it: change a weight, and run</h2>" + cells(loaded, HERE.parents[1] / "README.md") if loaded else ""
    page(path, "From a neuron to a transformer", "index", paper_of(path.parent / "digit.html"), loaded, cells=tried)
    text = path.read_text(encoding="utf-8")
    write_text(path, LEADING.sub(lambda found: found[0] if (path.parent / found[2]).exists() else "", text))


def paper_of(path: Path) -> dict[str, Any]:
    """What the first page's paper needs of the page of digits, if that is there: the layers and a picture."""
    found = path.exists() and re.search('id="data">(.+)</script>', path.read_text(encoding="utf-8"))
    data = json.loads(found[1]) if found else {}
    return {name: data[name] for name in ("layers", "first") if name in data}


def cells(loaded: Loaded, path: Path) -> str:
    """The cells of a notebook or a README, with buttons to run them."""
    frame = Template((HERE / "cells.html").read_text(encoding="utf-8"))
    return frame.substitute(modules=loaded.modules, content=notebook.html(notebook.cells_of(path)))


def as_data(layer: nn.Linear) -> dict[str, Any]:
    """A layer as network.js has it, its weights (inputs, outputs)."""
    weight, bias = layer.weight.detach().numpy(), layer.bias.detach().numpy()
    return {"inputs": weight.shape[1], "outputs": weight.shape[0], "activation": "sigmoid",
            "weight": encoded(weight.T, "f4"), "bias": encoded(bias, "f4")}  # fmt: skip


def pixels(images: np.ndarray) -> str:
    """Pictures, (n, 784) from 0 to 1, as bytes."""
    return encoded(np.rint(255 * images), "u1")


def encoded(numbers: np.ndarray, kind: str) -> str:
    """Numbers in base64, little-endian."""
    return base64.b64encode(np.ascontiguousarray(numbers, f"<{kind}").tobytes()).decode()


def page(
    path: Path, title: str, name: str, data: Any, loaded: Loaded | None = None, script: str = "", **parts: str
) -> None:
    """Write a page: its HTML, with its parts, the style that all share, its script and data.

    loaded: by one that runs Python.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if loaded:
        data = {**(data or {}), "addresses": loaded.addresses}
    write_text(path, filled(title, name, data, loaded.allowed if loaded else FILE, script, **parts))


def plain(path: Path, heading: str, kind: str, content: str, site: str = "", **more: Any) -> None:
    """Write a page of text, whose style is of a kind. site: the address of the first page's folder."""
    page(path, heading, "plain", None, heading=heading, kind=kind, content=content, site=site, **more)


def filled(title: str, name: str, data: Any, allowed: str = FILE, script: str = "", **parts: str) -> str:
    """The text of a page. script: its name, if another than the page's.

    allowed: what the page may run and ask for beside itself (Content-Security-Policy).
    """
    style, body = ((HERE / file).read_text(encoding="utf-8") for file in ("site.css", f"{name}.html"))
    body = Template(body).substitute(parts) if parts else body
    return assembled(title, f"<style>\n{style}</style>\n{body}", str(HERE / (script or name)), data, allowed)


# --- all of them ------------------------------------------------------------------------------------------------------


def draw_a_digit(out: Path, settings: Any) -> None:
    program = import_module("02_digits")
    tl.manual_seed(program.Settings.seed)
    program.measure(program.Settings(out=out, epochs=settings.epochs, page=True), HOME)


def type_a_text(out: Path, settings: Any) -> None:
    program = import_module("08_gpt")
    chosen = program.Settings(steps=settings.steps, tokenizer="bpe")
    corpus = load_corpus(chosen.text, chosen.tokenizer, chosen.vocabulary, chosen.context)
    trainer = program.make_trainer(corpus, chosen, steps=chosen.steps)
    if trainer.fit().interrupted:
        print(ENDED)
    signs = "".join(sorted({*corpus.tokenizer.decode(corpus.learn.tokens.tolist())}))
    text_page(out / "text.html", trainer.model, corpus.tokenizer, signs, corpus.source, trainer.step)


def write_notebooks(out: Path, settings: Any) -> None:
    """The notebooks, with what their cells show, and Python to run them."""
    loaded = on_python(out, settings.offline)
    for file, heading in NOTEBOOKS.items():
        content = cells(loaded, HERE.parent / Path(file).with_suffix(".ipynb"))
        plain(out / file, heading, "notebook", content, "../", loaded=loaded, script="cells")


def write_claims(out: Path, settings: Any) -> None:
    parts = claims.parts(all_claims())
    page(out / "claims.html", "How sure are we of the lecture?", "claims", None, home=HOME, **parts)
    heading, _, text = (HERE.parent / "CORRECTIONS.md").read_text(encoding="utf-8").partition("\n")
    plain(out / "corrections.html", heading[2:], "notebook", notebook.html([{"source": [text]}]))


def write_course(out: Path, settings: Any) -> None:
    """63 exercises, and Python to run them."""
    from examples.tab.course import course  # it brings the exercises, which other pages do without

    loaded = on_python(out, settings.offline)
    page(out / "course.html", "63 exercises", "course", course(), loaded, home=HOME, modules=loaded.modules)


def write_names(out: Path, settings: Any) -> None:
    """A GPT that learns names, and Python to train it."""
    page(out / "names.html", "Your own GPT", "names", None, on_python(out, settings.offline), home=HOME)


UNSEEN = re.compile(r'<span class=\\?"[nopw]\\?">([^<]*)</span>')  # pdoc's marks of names, operators, brackets, spaces
LINE = re.compile(r'<span id="[^"]*"><a href="[^"]*"><span class="linenos">([^<]*)</span></a>(.*\n)</span>')


def write_reference(out: Path, settings: Any) -> None:
    """The API reference, by pdoc, where it is installed: all of it, or what was there before."""
    if find_spec("pdoc") is None:
        print('  left out: pip install ".[docs]" brings pdoc, which makes it')
        return
    import pdoc

    pdoc.render.configure(template_directory=HERE / "reference")
    pdoc.render.precompile_index = lambda entries, _: json.dumps(entries)  # compiled it is four times as large
    with TemporaryDirectory(dir=out) as folder:
        made = Path(folder, "reference")
        pdoc.pdoc("tinygrad_lecture", "nn", "transformer", output_directory=made)
        for file in [*made.rglob("*.html"), made / "search.js"]:
            text = UNSEEN.sub(r"\1", file.read_text(encoding="utf-8"))
            file.write_text(LINE.sub(r"<i>\1</i>\2", text), encoding="utf-8")
        rmtree(out / "reference", ignore_errors=True)
        made.rename(out / "reference")


def write_sheet(out: Path, settings: Any) -> None:
    """The cheat sheet, which leads to the API reference where that is beside it."""
    sheet = cheat_sheet.html("reference" if (out / "reference").is_dir() else None)
    plain(out / "sheet.html", "What there is, and what it is called", "sheet", sheet)


WRITERS: dict[str, Callable[[Path, Any], None]] = {  # given the folder of the site, and the command's settings
    "course": write_course, "names": write_names, "digit": draw_a_digit, "play": play_page, "text": type_a_text,
    "claims": write_claims, "steps": steps.step_pages, "notebooks": write_notebooks, "reference": write_reference,
    "sheet": write_sheet,
}  # fmt: skip
