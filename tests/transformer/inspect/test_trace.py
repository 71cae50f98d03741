"""A trace shows what the model computed and changes nothing; its maps, and pictures with any labels."""

import re

import numpy as np
import pytest

import tinygrad_lecture as tl
from modules import shuffled
from numeric import assert_close
from small_transformers import some_tokens
from transformer import (
    GPT,
    Encoder,
    EncoderConfig,
    EncoderDecoder,
    EncoderDecoderConfig,
    GPTConfig,
    draw_lens,
)
from transformer.inspect.trace import AttentionMaps

SIZES = {"vocab_size": 7, "context": 6, "layers": 3, "heads": 2, "width": 4, "hidden": 5, "dropout": 0.3}


def gpt(**changes):
    return shuffled(GPT(GPTConfig(**{**SIZES, **changes})))


def both(**changes):
    return shuffled(EncoderDecoder(EncoderDecoderConfig(**{**SIZES, **changes})))


@pytest.mark.parametrize("model", [gpt(), gpt(norm="post"), shuffled(Encoder(EncoderConfig(**SIZES)))])
def test_the_lens_at_the_last_layer_gives_the_models_logits(model):
    tokens = some_tokens(2, 5)
    trace = model.trace(tokens)
    assert (trace.layers, len(trace.residual)) == (3, 4)
    logits = getattr(model.eval(), "logits", model)(tokens).detach().numpy()
    model.train()
    assert_close(trace.logits_at(3), logits, "logits", 1e-12)
    assert np.abs(trace.logits_at(2) - logits).max() > 1e-3
    best, probability = trace.best_at(3)
    assert (best == logits.argmax(-1)).all()
    p = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    assert_close(probability, p.max(-1), "probability", 1e-10)


def test_an_encoder_decoder_traces_encoder_decoder_and_cross_attention():
    model = both()
    source, target = some_tokens(1, 4), some_tokens(1, 3, seed=1)
    trace = model.trace(source, target, source_padding=[[True, True, True, False]])
    assert [layer.shape for layer in trace.attention] == [(1, 2, 3, 3)] * 3
    assert [layer.shape for layer in trace.cross] == [(1, 2, 3, 4)] * 3
    assert [layer.shape for layer in trace.source.attention] == [(1, 2, 4, 4)] * 3
    assert not trace.cross[0][..., 3].any()
    assert not np.triu(trace.attention[0], 1).any() and np.triu(trace.source.attention[0], 1).any()
    assert len(trace.residual) == len(trace.source.residual) == 4
    logits = model.eval()(source, target, source_padding=[[True, True, True, False]]).detach().numpy()
    assert_close(trace.logits_at(3), logits, "logits", 1e-12)
    with pytest.raises(ValueError, match="has no W_U"):
        trace.source.logits_at(1)


def test_a_trace_leaves_no_hook_and_no_mode_behind():
    model = gpt()
    model.blocks[1].eval()  # one block in evaluation mode
    modes = [module.training for module in model.modules()]
    model.trace([1, 2])
    assert not any(module.has_hooks for module in model.modules())
    assert [module.training for module in model.modules()] == modes
    with pytest.raises(IndexError):
        model.trace([1, 9])
    assert not any(module.has_hooks for module in model.modules())
    assert tl.is_grad_enabled() and model.training


def test_a_trace_is_on_the_host():
    there, here = gpt().to("strict").trace([1, 2, 3]), gpt().trace([1, 2, 3])
    for a, b in ((there.attention, here.attention), (there.residual, here.residual)):
        for x, y in zip(a, b, strict=True):
            assert isinstance(x, np.ndarray)
            assert_close(x, y, "on the device", 1e-11)
    assert_close(there.logits_at(2), here.logits_at(2), "lens", 1e-11)


# --- maps -----------------------------------------------------------------------------------------------------


@pytest.fixture
def trace():
    return GPT(GPTConfig(vocab_size=5, context=4, layers=2, heads=2, width=4)).trace(tl.tensor([0, 1, 2]))


def test_each_head_of_each_layer_has_a_map_with_the_tokens(trace):
    html = trace.maps(["was", " the", "<b>"])._repr_html_()
    assert html.count("layer ") == 2
    assert html.count("head ") == 4
    assert "·the" in html
    assert "&lt;b&gt;" in html
    assert "<b>was" not in html
    assert 'title="was → was: 1"' in html


def test_labels_must_match(trace):
    with pytest.raises(ValueError, match=r"2 labels need weights of shape \(heads, 2, 2\), got \(2, 3, 3\)"):
        AttentionMaps(trace.attention, ["a", "b"])


# --- the picture of the lens -----------------------------------------------------------------------------------

ODD = ["a", " b", "$x_1$", "\n", "漢", ""]


def test_the_lens_is_drawn_with_any_labels(tmp_path):
    pytest.importorskip("matplotlib")
    draw_lens(gpt().trace([0, 1, 2, 3, 4, 5]), ODD, lambda ids: ODD[ids[0] % 6], tmp_path / "lens.png", title="lens")
    assert (tmp_path / "lens.png").read_bytes().startswith(b"\x89PNG")


def test_the_lens_is_labelled(tmp_path):
    matplotlib = pytest.importorskip("matplotlib")
    trace = gpt().trace([0, 1, 2])
    with matplotlib.rc_context({"svg.fonttype": "none"}):
        draw_lens(trace, ["Was", " the", "bank"], lambda ids: f"<{ids[0]}>", tmp_path / "lens.svg")
    lens = re.findall(r">([^<>]*)</text>", (tmp_path / "lens.svg").read_text(encoding="utf-8"))
    assert {"Was", "·the", "bank", "embedding", "after 3 blocks"} <= set(lens)
    assert "token read; above it, the predicted next token" in lens
    assert {f"&lt;{token}&gt;" for layer in range(4) for token in trace.best_at(layer)[0]} <= set(lens)


@pytest.mark.parametrize(
    ("read", "labels", "message"),
    [
        ([0, 1, 2], ["a", "b"], r"draw_lens: 2 labels need weights of shape \(heads, 2, 2\), got \(2, 3, 3\)"),
        ([[0, 1, 2]], ["a"] * 3, r"got \(1, 2, 3, 3\).*; take one text of a batch"),
    ],
)
def test_a_lens_that_cannot_be_drawn_is_refused(read, labels, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        draw_lens(gpt().trace(read), labels, str, tmp_path / "no.png")
    assert not list(tmp_path.iterdir())
