"""All models: the parameter count, gradients, padding, and a GPU's arrays; the encoder and its classifier."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nn
import tinygrad_lecture as tl
from modules import shuffled
from numeric import assert_close
from small_transformers import ENCODERS, FAMILIES, MODELS, SIZES, small, small_settings, some_tokens
from strict_cupy import no_synchronisation
from transformer import GPT, Bert, BertConfig, Encoder, EncoderDecoder

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
    tiny = small(family, kind, layers=1, vocab_size=4, context=3, hidden=2)
    texts = [tl.tensor([3, 0]), tl.tensor([2, 3])] if family is EncoderDecoder else [tl.tensor([3, 0, 1])]
    assert nn.gradcheck(tiny, tuple(texts))


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
    model = Bert(BertConfig(**SIZES, head=False, pooler=False))
    with pytest.raises(ValueError, match="Bert: the model has no W_U, so it gives vectors, but no logits"):
        model.loss([1, 2], [1, 2])
    with pytest.raises(ValueError, match="logits_at: the traced model has no W_U"):
        model.trace([1, 2]).logits_at(0)
