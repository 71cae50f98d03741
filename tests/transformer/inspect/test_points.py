"""Every point of every model can be read and changed, and is what the lecture says that it is; traces, as pictures."""

import re

import numpy as np
import pytest

import tinygrad_lecture as tl
import transformer.attention
from numeric import assert_close
from small_transformers import MODELS, PRETRAINED, small, some_tokens
from transformer import GPT, Encoder, EncoderDecoder, draw_lens

TEXT = some_tokens(5)


def traced(model, **settings):
    return model.trace(*([some_tokens(4, seed=1), TEXT] if isinstance(model, EncoderDecoder) else [TEXT]), **settings)


def with_all_families():
    yield from ((f"{family.__name__} {kind}", lambda f=family, k=kind: small(f, k).eval()) for family, kind in MODELS)
    yield from PRETRAINED.items()


FAMILIES = dict(with_all_families())


def noise(x):
    return x + tl.tensor(np.random.default_rng(0).normal(size=x.shape), dtype=x.dtype)


@pytest.mark.parametrize("made", FAMILIES.values(), ids=FAMILIES)
def test_each_point_has_the_listed_shape_and_its_change_reaches_the_logits(made):
    model = made()
    before, listed = traced(model), model.points()
    assert set(before) == set(listed)
    last = "logits" if "logits" in listed else list(listed)[-1]
    for name, shape in listed.items():
        form = re.escape(shape).replace("tokens", r"[45]").replace("keys", r"[45]")
        assert re.fullmatch(form, str(before[name].shape)), f"{name} is said to be {shape}, is {before[name].shape}"
        with model.edit({name: noise}):
            after = traced(model, points=[name, last])
        assert (after[name] != before[name]).any(), name
        assert (after[last] != before[last]).any(), f"a change of {name} changes nothing"
    again = traced(model, points=last)
    assert (again[last] == traced(model, points=last)[last]).all()
    assert not any(module.has_hooks for module in model.modules())


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_points_are_what_the_lecture_says(norm):
    model = small(GPT, "GPT-2", norm=norm).eval()
    trace, block = model.trace(TEXT), model.blocks[0]
    q, k, scores, weights, heads = (trace[f"blocks.0.attention.{name}"] for name in POINTS)
    allowed = np.tril(np.ones((5, 5), bool))
    products = q @ k.swapaxes(-1, -2) / np.sqrt(2)
    assert_close(scores[:, allowed], products[:, allowed], "scores", 1e-12)
    assert (scores[:, ~allowed] == -np.inf).all()
    assert_close(weights, tl.softmax(tl.tensor(scores), -1).numpy(), "weights", 1e-12)
    assert_close(heads, weights @ trace["blocks.0.attention.values"], "heads", 1e-12)
    with tl.no_grad():
        sent = block.attention.W_O(tl.tensor(heads.swapaxes(0, 1).reshape(5, 4)))
        assert_close(trace["blocks.0.attention"], sent.numpy(), "W_O", 1e-12)
        assert_close(
            trace["blocks.0.ffn"], block.ffn.down(tl.tensor(trace["blocks.0.ffn.units"])).numpy(), "FFN", 1e-12
        )
        norm_1, norm_2 = (block.norm_1, block.norm_2) if norm == "post" else (tl.as_tensor, tl.as_tensor)
        middle = norm_1(tl.tensor(trace["embedding"] + trace["blocks.0.attention"])).numpy()
        assert_close(trace["blocks.0.after_attention"], middle, "the residual stream after attention", 1e-12)
        after = norm_2(tl.tensor(middle + trace["blocks.0.ffn"])).numpy()
        assert_close(trace["blocks.0"], after, "the residual stream after the block", 1e-12)


POINTS = ["queries", "keys", "scores", "weights", "heads"]


@pytest.mark.parametrize("kind", ["GPT-2", "Llama", "relative"])
def test_a_text_goes_on_with_an_edit_as_it_would_without_a_cache(kind):
    model = small(GPT, kind, context=8).eval()

    def generate(**settings):
        return list(model.generate([1, 2, 3], max_new_tokens=5, temperature=0, **settings))

    plain = generate()
    changes = {
        "blocks.0": lambda x: x + tl.tensor([3.0, -2, 0, 1]),
        "blocks.0.attention.values": lambda x: x.mul_(0.5),  # in place: the cache keeps its own
        "blocks.1.attention.weights": lambda x: x.flip(-1),
    }
    with model.edit(changes):
        assert generate() == generate(cached=False) != plain
    assert generate() == plain


def test_a_silenced_head_is_a_head_without_its_rows_of_W_O():
    model = small(GPT, "GPT-2").eval()

    def silence(x):
        x[1] = 0
        return x

    with model.edit({"blocks.*.attention.heads": silence}), tl.no_grad():
        edited = model(TEXT).numpy()
    for block in model.blocks:
        block.attention.W_O.weight.data[:, 2:] = 0
    assert_close(edited, model(TEXT).detach().numpy(), "logits", 1e-12)


def test_a_value_broadcasts_and_later_edits_see_earlier_ones():
    model = small(GPT, "GPT-2").eval()
    with model.edit({"blocks.*.ffn": 0}):
        assert not model.trace(TEXT)["blocks.1.ffn"].any()
        with model.edit({"blocks.1.ffn": lambda x: x + 2}):
            assert (model.trace(TEXT)["blocks.1.ffn"] == 2).all()


@pytest.mark.parametrize("frozen", [False, True])
def test_the_gradient_at_a_point_is_what_a_small_edit_does(frozen):
    model = small(GPT, "Llama").requires_grad_(not frozen).eval()
    trace = model.trace(TEXT, requires_grad=True)
    for name in ("embedding", "blocks.0", "blocks.0.ffn.units", "blocks.0.attention.weights"):
        (gradient,) = tl.grad(trace["logits"][-1, 3], trace[name], retain_graph=True)
        way, found = np.random.default_rng(1).normal(size=gradient.shape), []
        for step in (1e-5 * way, -1e-5 * way):
            with model.edit({name: lambda x, step=step: x + step}):
                found.append(model.trace(TEXT, points="logits")["logits"][-1, 3])
        assert_close((found[0] - found[1]) / 2e-5, (gradient.numpy() * way).sum(), name, 1e-6)


def test_the_kernel_gives_way_only_in_the_block_that_somebody_looks_at(monkeypatch):
    model, called = small(GPT, "GPT-2").eval(), []
    kernel = tl.attention
    monkeypatch.setattr(transformer.attention.tl, "attention", lambda *a, **k: called.append(1) or kernel(*a, **k))
    looks = {"blocks.0.attention.weights": 1, "blocks.0.attention.heads": 2, "*": 2}
    for names, fused in looks.items():
        called.clear()
        model.trace(TEXT, points=names)
        assert len(called) == fused, names


def wrong(change, name="blocks.0"):
    with small(GPT, "GPT-2").edit({name: change}) as model:
        model(TEXT)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: wrong(0, "blocks.70"), KeyError, 'no point "blocks.70"; blocks has 0 to 1; model.points'),
        (lambda: wrong(0, "layers.0.mlp"), KeyError, "the model has embedding, blocks, logits"),
        (lambda: wrong(0, "blocks.0.hook_z"), KeyError, "blocks.0 has attention, after_attention, ffn"),
        (lambda: small(GPT, "GPT-2").trace(TEXT)["blocks.*"], KeyError, r'the name of one point, got "blocks\.\*"'),
        (lambda: wrong(0, "blocks.0.atention.heads"), KeyError, '"blocks.0.attention.heads"'),
        (lambda: wrong(tl.ones(3)), ValueError, r'"blocks.0" has shape \(5, 4\) in this call, to which \(3,\)'),
        (lambda: wrong(lambda x: None), TypeError, '"blocks.0" returned None; return the new value'),
        (lambda: small(GPT, "GPT-2").trace(TEXT, points="blocks.9"), KeyError, "no point"),
        (lambda: small(GPT, "GPT-2").trace(TEXT, points="logits")["blocks.0"], KeyError, "argument points"),
        (lambda: small(GPT, "GPT-2").trace(TEXT)["blocks"], KeyError, "no point"),
    ],
)
def test_what_is_not_there_or_does_not_fit_is_told(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_logits_have_an_axis_of_tokens_also_while_generating():
    model = small(GPT, "GPT-2", context=8).eval()

    def only_3(x):
        x[..., -1, 3] = 1e9
        return x

    with model.edit({"logits": only_3}):
        assert model.generate_batch([[1], [2], [4]], max_new_tokens=4, temperature=0) == [[3] * 4] * 3


def test_a_value_stays_as_it_is_and_an_error_says_in_which_edit_it_was_raised():
    model, value = small(GPT, "GPT-2").eval(), np.zeros((5, 4))
    with model.edit({"blocks.*": value, "blocks.0": lambda x: x.add_(1)}):
        model(TEXT)
    assert not value.any()
    with pytest.raises(IndexError) as caught, model.edit({"blocks.1": lambda x: x[99]}):
        model(TEXT)
    assert 'in the edit of "blocks.1"' in caught.value.__notes__[0]


def recipes():
    table = transformer.inspect.__doc__.split("write here:")[1].split("`mask`")[0]
    return re.findall(r"^    (\S.*?)  +(\S.*)$", table, re.M)


@pytest.mark.parametrize(("recipe", "code"), recipes(), ids=lambda x: x if " = " not in x else "")
def test_a_recipe_of_transformerlens_is_written_as_the_table_says(recipe, code):
    known = {
        "tl": tl, "model": small(GPT, "GPT-2", context=8).eval(), "tokens": [1, 2, 3], "labels": ["a", "b", "c"],
        "clean": [1, 2, 3], "corrupted": [1, 4, 3], "score": lambda logits: logits[-1, 2], "token": 2, "n": 4,
        "mask": tl.tensor([[[0.0]], [[1.0]]]), "direction": tl.ones(4), "twice": [1, 2, 3, 4, 1, 2, 3, 4],
    }  # fmt: skip
    exec(code, known)
    if recipe == "induction heads":
        trace = known["model"].trace(known["twice"])
        here = [trace["blocks.1.attention.weights"][:, 4 + i, i + 1] for i in range(3)]
        assert_close(eval(code, known).swapaxes(0, 1), np.stack(here), "weights", 0)


# --- traces --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("family", "kind"), [(GPT, "GPT-2"), (GPT, "post-norm"), (Encoder, "BERT")])
def test_the_lens_at_the_last_layer_gives_the_models_logits(family, kind):
    model, tokens = small(family, kind, layers=3, dropout=0.3), some_tokens(2, 5)
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
    model = small(EncoderDecoder, "2017", layers=3, dropout=0.3)
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
    model = small(GPT, "GPT-2", dropout=0.3)
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
    there, here = (small(GPT, "GPT-2", device=device).trace([1, 2, 3]) for device in ("strict", "cpu"))
    for a, b in ((there.attention, here.attention), (there.residual, here.residual)):
        for x, y in zip(a, b, strict=True):
            assert isinstance(x, np.ndarray)
            assert_close(x, y, "on the device", 1e-11)
    assert_close(there.logits_at(2), here.logits_at(2), "lens", 1e-11)


# --- maps and the picture of the lens -------------------------------------------------------------------------


def test_each_head_of_each_layer_has_a_map_with_the_tokens():
    trace = small(GPT, "GPT-2").trace([0, 1, 2])
    html = trace.maps(["was", " the", "<b>"])._repr_html_()
    assert html.count("layer ") == 2 and html.count("head ") == 4
    assert "·the" in html and "&lt;b&gt;" in html and "<b>was" not in html
    assert 'title="was → was: 1"' in html
    with pytest.raises(ValueError, match=r"2 labels need weights \(heads, 2, 2\), not \(2, 3, 3\)"):
        trace.maps(["a", "b"])


ODD = ["a", " b", "$x_1$", "\n", "漢", ""]


def test_the_lens_is_labelled_with_any_texts(tmp_path):
    matplotlib = pytest.importorskip("matplotlib")
    trace = small(GPT, "GPT-2").trace([0, 1, 2])
    with matplotlib.rc_context({"svg.fonttype": "none"}):
        draw_lens(trace, ["Was", " the", "bank"], lambda ids: f"<{ids[0]}>", tmp_path / "lens.svg")
    draw_lens(trace, ODD[2:5], lambda ids: ODD[ids[0] % 6], tmp_path / "lens.png", title="lens")
    assert (tmp_path / "lens.png").read_bytes().startswith(b"\x89PNG")
    lens = re.findall(r">([^<>]*)</text>", (tmp_path / "lens.svg").read_text(encoding="utf-8"))
    assert {"Was", "·the", "bank", "embedding", "after 2 blocks"} <= set(lens)
    assert "token read; above it, the predicted next token" in lens
    assert {f"&lt;{token}&gt;" for layer in range(3) for token in trace.best_at(layer)[0]} <= set(lens)


@pytest.mark.parametrize(
    ("read", "labels", "message"),
    [
        ([0, 1, 2], ["a", "b"], r"draw_lens: 2 labels need weights \(heads, 2, 2\), not \(2, 3, 3\)"),
        ([[0, 1, 2]], ["a"] * 3, r"not \(1, 2, 3, 3\).*; of a batch take one"),
    ],
)
def test_a_lens_that_cannot_be_drawn_is_refused(read, labels, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        draw_lens(small(GPT, "GPT-2").trace(read), labels, str, tmp_path / "no.png")
    assert not list(tmp_path.iterdir())
