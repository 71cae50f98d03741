"""Pictures of a trace: drawn with any labels, and errors."""

import sys

import numpy as np
import pytest

from modules import shuffled
from tinygrad_lecture.inspect import figures
from transformer import GPT, EncoderDecoder, EncoderDecoderConfig, GPTConfig, draw_attention, draw_lens

SIZES = {"vocab_size": 7, "context": 6, "layers": 3, "heads": 2, "width": 4, "hidden": 5}


def gpt():
    return shuffled(GPT(GPTConfig(**SIZES)))


def both():
    return shuffled(EncoderDecoder(EncoderDecoderConfig(**SIZES)))


ODD = ["a", " b", "$x_1$", "\n", "漢", ""]


def test_pictures_are_drawn_with_any_labels(tmp_path):
    pytest.importorskip("matplotlib")
    trace = gpt().trace([0, 1, 2, 3, 4, 5])
    draw_attention(trace.attention, ODD, tmp_path / "heads.png", title="all")
    draw_attention([trace.attention[1][:1]], ODD, tmp_path / "head.svg")
    draw_lens(trace, ODD, lambda ids: ODD[ids[0] % 6], tmp_path / "lens.png", title="lens")
    answer = both().trace([1, 2], [3, 4, 5])
    draw_attention(answer.cross, ["x", "y", "z"], tmp_path / "cross.png", keys=["a", "b"])
    for name in ("heads.png", "lens.png", "cross.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["cross.png", "head.svg", "heads.png", "lens.png"]


def texts_of(path):
    """The texts in an .svg file written with svg.fonttype "none"."""
    import re

    return re.findall(r">([^<>]*)</text>", path.read_text(encoding="utf-8"))


def test_pictures_are_labelled(tmp_path):
    matplotlib = pytest.importorskip("matplotlib")
    trace = gpt().trace([0, 1, 2])
    labels = ["Was", " the", "bank"]
    with matplotlib.rc_context({"svg.fonttype": "none"}):
        draw_attention(trace.attention, labels, tmp_path / "heads.svg")
        draw_lens(trace, labels, lambda ids: f"<{ids[0]}>", tmp_path / "lens.svg")
    heads, lens = texts_of(tmp_path / "heads.svg"), texts_of(tmp_path / "lens.svg")
    assert {
        "Was",
        "·the",
        "bank",
        "head 0",
        "head 1",
        "layer 0",
        "layer 2",
        "query (attends)",
        "key (attended to)",
    } <= set(heads)
    assert {"Was", "·the", "bank", "embedding", "after 3 blocks"} <= set(lens)
    assert "token read; above it, the predicted next token" in lens
    for layer in range(4):
        for token in trace.best_at(layer)[0]:
            assert f"&lt;{token}&gt;" in lens


def test_missing_letters_come_from_another_font(tmp_path):
    """The circled A is in another font that matplotlib ships; U+10FFFD (private use) is in none."""
    matplotlib = pytest.importorskip("matplotlib")
    trace, path = gpt().trace([0, 1]), tmp_path / "heads.svg"
    with matplotlib.rc_context({"svg.fonttype": "none"}):
        draw_attention(trace.attention, ["Ⓐx", "\U0010fffd"], path)
    assert {"Ⓐx", "□"} <= set(texts_of(path))
    draw_attention(trace.attention, ["Ⓐx", "\U0010fffd"], tmp_path / "heads.png")  # a missing letter would warn


def test_long_tokens_are_shortened(tmp_path):
    matplotlib = pytest.importorskip("matplotlib")
    trace, path = gpt().trace([0, 1, 2]), tmp_path / "lens.svg"
    widths = []
    for long in ("x" * 8, "x" * 128):
        with matplotlib.rc_context({"svg.fonttype": "none"}):
            draw_lens(trace, ["a", long, "b"], lambda ids, long=long: long, path)
        widths.append(float(path.read_text(encoding="utf-8").split('width="')[1].split("pt")[0]))
    assert "xxxxxxx…" in texts_of(path) and not any("x" * 8 in text for text in texts_of(path))
    assert widths[0] == widths[1]


def test_without_matplotlib_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    figures._family_with.cache_clear()
    trace = gpt().trace([0, 1])
    for draw in (
        lambda: draw_attention(trace.attention, ["a", "b"], tmp_path / "no.png"),
        lambda: draw_lens(trace, ["a", "b"], lambda ids: "x", tmp_path / "no.png"),
    ):
        with pytest.raises(ImportError, match=r'need matplotlib: pip install "\.\[examples\]"'):
            draw()


def test_invalid_pictures_raise(tmp_path):
    pytest.importorskip("matplotlib")
    trace, path = gpt().trace([0, 1, 2]), tmp_path / "no.png"
    with pytest.raises(ValueError, match=r"\(2, 2\) labels need weights of shape \(heads, 2, 2\), got \(2, 3, 3\)"):
        draw_attention(trace.attention, ["a", "b"], path)
    with pytest.raises(ValueError, match="got nothing"):
        draw_attention([], ["a"], path)
    for ending in ("no", "no.", "no.txt"):
        with pytest.raises(ValueError, match=r"cannot draw .*: the ending says which kind"):
            draw_attention(trace.attention, ["a", "b", "c"], tmp_path / ending)
    with pytest.raises(ValueError, match="up to 64 tokens, got 65"):
        draw_attention([np.zeros((1, 65, 65))], ["a"] * 65, path)
    with pytest.raises(ValueError, match=r"draw_lens: \(2, 2\) labels need weights .*, got \(2, 3, 3\)"):
        draw_lens(trace, ["a", "b"], str, path)
    with pytest.raises(ValueError, match=r"got \(1, 2, 3, 3\).*; take one text of a batch"):
        draw_lens(gpt().trace([[0, 1, 2]]), ["a"] * 3, str, path)
    assert not list(tmp_path.iterdir())
