"""The encoder: attention in both directions, padding, gradients, and the classifier."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nn
import small_transformers
import strict_device  # noqa: F401 - makes device="strict" work
import tinygrad_lecture as tl
from modules import shuffled
from numeric import assert_close
from small_transformers import ENCODERS, some_tokens
from strict_cupy import no_synchronisation
from transformer import Classifier, Encoder, EncoderConfig

each_kind = pytest.mark.parametrize("kind", ENCODERS)
small = partial(small_transformers.small, Encoder)


def classifier(kind="BERT", pooling="first", dtype=tl.float64, device="cpu"):
    return shuffled(Classifier(small(kind), 3, pooling), dtype, device)


def test_bert_base_has_the_size_that_google_published():
    """109,482,240 with segment embeddings (2 rows) and pooler (768 * 768 + 768), which Encoder does not have."""
    assert EncoderConfig().parameter_count() == 109_482_240 - 2 * 768 - (768 * 768 + 768)


@pytest.mark.parametrize("pooling", ["first", "mean"])
def test_gradients_of_the_classifier_are_right(pooling):
    model = shuffled(Classifier(small("BERT", layers=1), 2, pooling))
    assert nn.gradcheck(model, some_tokens(2, 3))


@each_kind
@settings(max_examples=15)
@given(st.data())
def test_every_token_attends_to_every_other(kind, data):
    """Changing one token changes all logits, earlier ones too."""
    model = small(kind)
    tokens = some_tokens(1, 6).numpy().copy()
    place = data.draw(st.integers(0, 5))
    before = model(tokens).detach().numpy()
    tokens[0, place] = (tokens[0, place] + data.draw(st.integers(1, 6))) % 7
    after = model(tokens).detach().numpy()
    assert (np.abs(before - after).max(-1) > 1e-9).all()


@settings(max_examples=15)
@given(st.permutations(range(6)))
def test_without_positions_the_order_of_tokens_does_not_matter(order):
    model, tokens = small("no positions"), some_tokens(2, 6)
    wanted = model(tokens).detach().numpy()[:, order]
    assert_close(model(tokens[:, order]).detach().numpy(), wanted, "logits", 1e-10)
    assert (
        np.abs(
            small("BERT")(tokens[:, [1, 0, 2]]).detach().numpy() - small("BERT")(tokens[:, :3]).detach().numpy()
        ).max()
        > 1e-3
    )


@pytest.mark.parametrize("pooling", ["first", "mean"])
@pytest.mark.parametrize("side", ["left", "right"])
def test_padding_changes_no_class(pooling, side):
    model = classifier(pooling=pooling)
    tokens = some_tokens(2, 5).numpy()
    real = slice(2, None) if side == "left" else slice(3)
    mask = np.zeros((2, 5), bool)
    mask[0, real] = mask[1] = True
    padded = model(tokens, mask).detach().numpy()
    assert padded.shape == (2, 3)
    assert_close(padded[0], model(tokens[0, real]).detach().numpy(), "logits", 1e-10)
    assert_close(padded[1], model(tokens[1]).detach().numpy(), "logits", 1e-10)


def test_a_classifier_learns_which_of_two_words_occurs():
    tl.manual_seed(0)
    encoder = Encoder(EncoderConfig(vocab_size=8, context=6, layers=1, heads=2, width=16))
    model = Classifier(encoder, 2, "mean")
    optimizer = nn.optim.AdamW(model.parameters(), lr=1e-2)
    random = np.random.default_rng(0)
    tokens = random.integers(2, 8, (32, 6))
    labels = random.integers(0, 2, 32)
    tokens[np.arange(32), random.integers(0, 6, 32)] = labels
    for _ in range(40):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(tokens), tl.tensor(labels))
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.1


@pytest.mark.parametrize(("classes", "pooling"), [(1, "first"), (2, "last")])
def test_invalid_classifiers_raise(classes, pooling):
    with pytest.raises(ValueError, match="classes must be at least 2 and pooling"):
        Classifier(small("BERT"), classes, pooling)


@pytest.mark.parametrize("pooling", ["first", "mean"])
@pytest.mark.parametrize("padded", [False, True])
def test_a_classifier_on_a_gpus_arrays(padded, pooling):
    """Classes and gradients are those of the CPU, without a synchronisation."""
    mask = np.ones((2, 4), bool)
    mask[0, 3] = not padded

    def results(device):
        model, x = classifier("BERT", pooling, tl.float32, device), some_tokens(2, 4).to(device)
        seen = tl.tensor(mask, device=device) if padded else None
        with no_synchronisation():
            classes = model(x, seen)
            classes.sum().backward()
        return [classes.detach(), *(p.grad for p in model.parameters() if p.grad is not None)]

    for there, here in zip(results("strict"), results("cpu"), strict=True):
        assert there.device == "strict"
        assert_close(there.cpu().numpy(), here.numpy(), "on the device", 5e-5)
