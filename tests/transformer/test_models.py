"""All models: the parameter count, gradients, padding, and a GPU's arrays; the encoder; the encoder-decoder."""

import copy
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import nn
import tinygrad_lecture as tl
from modules import shuffled
from numeric import assert_close
from small_transformers import BOTH, ENCODERS, FAMILIES, MODELS, SIZES, small, small_settings, some_tokens
from strict_cupy import no_synchronisation
from transformer import GPT, Bart, BartConfig, Bert, BertConfig, Encoder, EncoderDecoder, EncoderDecoderConfig

each_model = pytest.mark.parametrize(("family", "kind"), MODELS)


@pytest.mark.parametrize("family", FAMILIES)
@settings(max_examples=30)
@given(small_settings())
def test_the_formula_counts_what_the_model_has(family, chosen):
    config = FAMILIES[family][0](**chosen)
    named = dict(family(config).named_parameters())
    assert sum(p.numel() for p in named.values()) == config.parameter_count()
    if family is GPT:
        W_Q = sum(p.numel() for name, p in named.items() if name.endswith("W_Q.weight"))
        assert config.parameters_by_part()["W_Q"] == W_Q
        matrices = (p.numel() for name, p in named.items() if p.ndim == 2 and "positions" not in name)
        assert config.weight_count() == sum(matrices)


@each_model
def test_gradients_of_the_whole_model_are_right(family, kind):
    tiny = small(family, kind, layers=1, vocab_size=4, context=3, hidden=2).double()
    texts = [tl.tensor([3, 0]), tl.tensor([2, 3])] if family is EncoderDecoder else [tl.tensor([3, 0, 1])]
    parameters = dict(tiny.named_parameters())

    def run(*values):
        return nn.functional_call(tiny, dict(zip(parameters, values, strict=True)), tuple(texts))

    assert tl.gradcheck(run, tuple(parameters.values()))


@each_model
@settings(max_examples=6)
@given(st.data())
def test_padding_on_either_side_changes_no_token(family, kind, data):
    """It changes no logits and no gradients of the loss."""
    model = small(family, kind)
    batch, texts, masks = data.draw(st.integers(1, 3)), [], []
    for seed in range(1 + (family is EncoderDecoder)):
        lengths = data.draw(st.lists(st.integers(1, 4), min_size=batch, max_size=batch))
        longest, left = max(lengths) + data.draw(st.integers(0, 2)), data.draw(st.booleans())
        columns = np.arange(longest)
        masks.append(np.array([columns >= longest - n if left else columns < n for n in lengths]))
        texts.append(some_tokens(batch, longest, seed=seed).numpy())
    targets = some_tokens(*texts[-1].shape, seed=2).numpy()

    padded = model(*texts, *masks).detach().numpy()
    assert np.isfinite(padded).all()
    model.loss(*texts, np.where(masks[-1], targets, -100), *masks).backward()
    gradients = {name: p.grad.numpy().copy() for name, p in model.named_parameters()}

    model.zero_grad()
    total = tl.tensor(0.0, dtype=tl.float64)
    for i in range(batch):
        alone = [text[i][mask[i]] for text, mask in zip(texts, masks, strict=True)]
        row = masks[-1][i]
        assert_close(padded[i][row], model(*alone).detach().numpy(), "logits", 1e-10)
        total = total + model.loss(*alone, targets[i][row]) * (row.sum() / masks[-1].sum())
    total.backward()
    for name, p in model.named_parameters():
        assert_close(gradients[name], p.grad.numpy(), f"gradient of {name}", 1e-9)


@each_model
@pytest.mark.parametrize("padded", [False, True])
def test_on_a_gpus_arrays(family, kind, padded):
    """Loss and gradients are those of the CPU, without a synchronisation."""
    mask = np.ones((2, 4), bool)
    mask[0, 3] = not padded
    texts = 1 + (family is EncoderDecoder)

    def results(device):
        model = small(family, kind, tl.float32, device)
        tokens = [some_tokens(2, 4, seed=seed).to(device) for seed in range(texts + 1)]
        seen = tl.tensor(mask, device=device) if padded else None
        with no_synchronisation():
            loss = model.loss(*tokens, *[seen] * texts)
            loss.backward()
        return [loss.detach(), *(p.grad for p in model.parameters())]

    for there, here in zip(results("strict"), results("cpu"), strict=True):
        assert there.device == "strict"
        assert_close(there.cpu().numpy(), here.numpy(), "on the device", 5e-5)


# --- the encoder ----------------------------------------------------------------------------------------------


each_kind = pytest.mark.parametrize("kind", ENCODERS)


@each_kind
@settings(max_examples=6)
@given(st.data())
def test_every_token_attends_to_every_other(kind, data):
    """Changing one token changes all logits, earlier ones too."""
    model = small(Encoder, kind)
    tokens = some_tokens(1, 6).numpy().copy()
    place = data.draw(st.integers(0, 5))
    before = model(tokens).detach().numpy()
    tokens[0, place] = (tokens[0, place] + data.draw(st.integers(1, 6))) % 7
    after = model(tokens).detach().numpy()
    assert (np.abs(before - after).max(-1) > 1e-9).all()


def test_segments_tell_texts_apart():
    model, tokens = shuffled(Bert(BertConfig(**SIZES))), some_tokens(2, 5)
    first, second = (np.full((2, 5), segment) for segment in (0, 1))
    alone = model(tokens).detach().numpy()
    assert (model(tokens, None, first).detach().numpy() == alone).all()
    assert np.abs(model(tokens, None, second).detach().numpy() - alone).max() > 1e-3
    assert (model.logits(tokens, None, second).detach() != model.logits(tokens).detach()).any()
    loss = model.loss(tokens, tokens, segments=second)
    assert loss.item() != model.loss(tokens, tokens).item()
    traced = model.trace(tokens, segments=second).residual[-1]
    assert_close(traced, model(tokens, None, second).detach().numpy(), "of the second", 1e-12)


@pytest.mark.parametrize(
    ("family", "segments", "error", "message"),
    [
        (Bert, [[0, 1]], ValueError, r"shapes \(1, 3, 4\) and \(1, 2, 4\) do not broadcast"),
        (Bert, [[0, 1, 2]], IndexError, "segments .*indices run from 0 to 2, but rows are 0 to 1"),
        (Bert, [[0, 1, 0.5]], TypeError, "segments .*must be given as integers"),
        (Encoder, [[0, 1, 1]], ValueError, "segments: the model has none; leave them out"),
    ],
)
def test_wrong_segments_raise(family, segments, error, message):
    model = small(Encoder, "BERT") if family is Encoder else Bert(BertConfig(**SIZES))
    with pytest.raises(error, match=message):
        model.logits([[1, 2, 3]], segments=segments)


def test_a_bert_without_head_says_so():
    model = Bert(BertConfig(**SIZES, head=False))
    with pytest.raises(ValueError, match="Bert: the model has no W_U, so it gives vectors, but no logits"):
        model.loss([1, 2], [1, 2])
    with pytest.raises(ValueError, match="logits_at: the traced model has no W_U"):
        model.trace([1, 2]).logits_at(0)


# --- the encoder-decoder --------------------------------------------------------------------------------------


each_both = pytest.mark.parametrize("kind", BOTH)
small_both = partial(small, EncoderDecoder)


def test_the_paper_counts_65_million_for_its_base_model():
    """Vaswani et al., table 3, with about 37,000 tokens in one vocabulary (section 5.1)."""
    assert EncoderDecoderConfig().parameter_count() == pytest.approx(65e6, rel=0.05)


@each_both
@settings(max_examples=8)
@given(st.data())
def test_the_target_attends_back_and_to_the_whole_source(kind, data):
    model = small_both(kind)
    source, target = some_tokens(1, 5).numpy().copy(), some_tokens(1, 6, seed=1).numpy().copy()
    place = data.draw(st.integers(0, 5))
    before = model(source, target).detach().numpy()
    target[0, place] = (target[0, place] + data.draw(st.integers(1, 6))) % 7
    after = model(source, target).detach().numpy()
    assert (before[0, :place] == after[0, :place]).all()
    assert np.abs(before[0, place] - after[0, place]).max() > 1e-6
    source[0, place % 5] = (source[0, place % 5] + 1) % 7
    assert (np.abs(model(source, target).detach().numpy() - after).max(-1) > 1e-9).all()


translator = small_both("2017", scale=1.0, dropout=0.2).eval()
sources = st.lists(st.integers(0, 6), min_size=1, max_size=6)


@settings(max_examples=8)
@given(sources, st.booleans())
def test_a_target_is_greedy_where_it_should_be(source, cached):
    """Also beyond the context, where the target's window slides."""
    wanted = [1]
    for _ in range(8):
        wanted.append(int(translator([source], [wanted[-6:]]).detach().numpy()[0, -1].argmax()))
    found = translator.generate(source, start=1, max_new_tokens=8, temperature=0, cached=cached)
    assert list(found) == wanted[1:]


@settings(max_examples=8)
@given(st.lists(sources, min_size=1, max_size=4), st.booleans())
def test_a_batch_of_sources_gives_what_each_gives_alone(sources, cached):
    chosen = {"start": 1, "max_new_tokens": 7, "temperature": 0, "stop": 3, "cached": cached}
    assert translator.generate_batch(sources, **chosen) == [list(translator.generate(s, **chosen)) for s in sources]


def test_the_config_knows_the_first_and_the_last_token():
    chosen = {"max_new_tokens": 7, "temperature": 0}
    wanted = list(translator.generate([1, 2, 3], start=1, stop=3, **chosen))
    known = small_both("2017", scale=1.0, start=1, stop=3).eval()
    assert list(known.generate([1, 2, 3], **chosen)) == wanted
    assert known.generate_batch([[1, 2, 3]], **chosen) == [wanted]
    assert list(known.generate([1, 2, 3], start=0, stop=None, **chosen)) == list(
        translator.generate([1, 2, 3], start=0, **chosen)
    )
    with pytest.raises(TypeError, match="give start, the token that every target begins with"):
        translator.generate([1, 2, 3])


def test_bart_begins_with_its_forced_token():
    sizes = {"vocab_size": 7, "context": 6, "layers": 1, "heads": 2, "width": 4, "start": 2, "stop": None}
    bart = shuffled(Bart(BartConfig(forced=5, **sizes)), tl.float64, scale=1.0).eval()
    text = [2, 5]
    for _ in range(4):
        text.append(int(bart([3, 1], text).detach().numpy()[-1].argmax()))
    assert list(bart.generate([3, 1], max_new_tokens=4, temperature=0)) == text[2:]


def test_relative_positions_have_no_limit():
    source, chosen = [1, 2, 3, 4, 5], {"start": 1, "max_new_tokens": 9, "temperature": 0}
    short, long = (small_both("T5", context=context).eval() for context in (2, 50))
    assert_close(short([source], [source]).detach().numpy(), long([source], [source]).detach().numpy(), "logits", 0)
    assert list(short.generate(source, **chosen)) == list(long.generate(source, **chosen))


def test_the_source_is_encoded_once():
    calls = []
    with translator.encoder_norm.register_forward_hook(lambda *_: calls.append(1)):
        list(translator.generate([1, 2, 3], start=0, max_new_tokens=4))
    assert len(calls) == 1


@pytest.mark.parametrize(
    ("source", "target", "masks", "message"),
    [
        ([[0] * 7], [[0]], {}, "7 tokens exceed the context of 6"),
        ([[0]], [[0] * 8], {}, "8 tokens exceed the context of 6"),
        ([[0, 1]], [[0]], {"source_padding": [[True]]}, r"shape \(1, 2\), got \(1, 1\)"),
        ([[0]], [[0, 1]], {"target_padding": [[True]]}, r"shape \(1, 2\), got \(1, 1\)"),
    ],
)
def test_texts_that_do_not_fit_are_refused(source, target, masks, message):
    with pytest.raises(ValueError, match=message):
        translator(source, target, **masks)


def test_an_invalid_source_raises_at_once():
    model = EncoderDecoder(EncoderDecoderConfig(vocab_size=7, context=4, layers=1, heads=1, width=2))
    for source, error, message in (([9], IndexError, "token 9 at"), ([1] * 5, ValueError, "exceed the context of 4")):
        with pytest.raises(error, match=message):
            model.generate(source, start=1)
        with pytest.raises(error, match=message):
            model.generate_batch([[1], source], start=1)
    with pytest.raises(IndexError, match="token 8 at"):
        model.generate([1], start=8)


def test_a_cache_of_another_source_raises():
    model = shuffled(EncoderDecoder(EncoderDecoderConfig(vocab_size=7, context=8, layers=1, heads=2, width=4))).eval()
    with tl.no_grad():
        one, other, cache = model.encode([[1, 2]]), model.encode([[3, 4]]), model.new_cache()
        model.decode([[1]], one, cache=cache)
        with pytest.raises(ValueError, match=r"Cache: holds another memory.*start a new one with new_cache\(\)"):
            model.decode([[2]], other, cache=cache)
        model.decode([[2]], model.encode([[1, 2]]), cache=copy.deepcopy(cache))  # equal, but another array


@pytest.mark.parametrize("padded", ["source", "target"])
def test_a_cache_remembers_the_padding(padded):
    model = shuffled(EncoderDecoder(EncoderDecoderConfig(vocab_size=7, context=8, layers=2, heads=2, width=4))).eval()
    source, target = some_tokens(1, 4), some_tokens(1, 4, seed=1).numpy()
    padding = np.array([[False, False, True, True]])
    target_padding, source_padding = (None, padding) if padded == "source" else (padding, None)
    with tl.no_grad():
        memory = model.encode(source, source_padding)
        wanted = model.decode(target, memory, target_padding, source_padding).numpy()[:, 2:]
        cache = model.new_cache()
        seen = target_padding if target_padding is None else target_padding[:, :2]
        model.decode(target[:, :2], memory, seen, source_padding, cache=cache)
        found = [model.decode(target[:, [place]], memory, cache=cache).numpy() for place in (2, 3)]
    assert_close(np.concatenate(found, 1), wanted, "with a cache", 1e-11)
