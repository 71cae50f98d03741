"""The encoder: attention in both directions, padding, gradients, and the classifier."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nn
import strict_device  # noqa: F401 - makes device="strict" work
import tinygrad_lecture as tl
from modules import shuffled
from numeric import assert_close
from small_transformers import small_settings, some_tokens
from strict_cupy import no_synchronisation
from transformer import Classifier, Encoder, EncoderConfig

KINDS = {
    "BERT": {},
    "pre-norm": {"norm": "pre", "embedding_norm": False, "tied": False},
    "rotary": {"positions": "rotary", "activation": "swiglu", "bias": False},
    "no positions": {"positions": "none"},
}
each_kind = pytest.mark.parametrize("kind", KINDS)


def small(kind="BERT", dtype=tl.float64, device="cpu", **changes):
    sizes = {"vocab_size": 7, "context": 6, "layers": 2, "heads": 2, "width": 4, "hidden": 5, "eps": 1e-5}
    return shuffled(Encoder(EncoderConfig(**{**sizes, **KINDS[kind], **changes})), dtype, device)


def classifier(kind="BERT", pooling="first", dtype=tl.float64, device="cpu"):
    return shuffled(Classifier(small(kind), 3, pooling), dtype, device)


@settings(max_examples=30)
@given(small_settings())
def test_the_formula_counts_what_the_encoder_has(chosen):
    config = EncoderConfig(**chosen)
    assert sum(p.numel() for p in Encoder(config).parameters()) == config.parameter_count()


def test_bert_base_has_the_size_that_google_published():
    """109,482,240 with segment embeddings (2 rows) and pooler (768 * 768 + 768), which Encoder does not have."""
    assert EncoderConfig().parameter_count() == 109_482_240 - 2 * 768 - (768 * 768 + 768)


@each_kind
def test_gradients_of_the_whole_model_are_right(kind):
    assert nn.gradcheck(small(kind, layers=1), some_tokens(2, 3))


@pytest.mark.parametrize("pooling", ["first", "mean"])
def test_gradients_of_the_classifier_are_right(pooling):
    model = shuffled(Classifier(small(layers=1), 2, pooling))
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
    assert np.abs(small()(tokens[:, [1, 0, 2]]).detach().numpy() - small()(tokens[:, :3]).detach().numpy()).max() > 1e-3


@each_kind
@settings(max_examples=15)
@given(st.data())
def test_padding_on_either_side_changes_no_token(kind, data):
    """It changes no logits and no gradients of the loss."""
    model = small(kind)
    lengths = data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=3))
    side = data.draw(st.sampled_from(["left", "right"]))
    longest = max(lengths) + data.draw(st.integers(0, 2))
    tokens = some_tokens(len(lengths), longest, seed=1).numpy()
    targets = some_tokens(len(lengths), longest, seed=2).numpy()
    mask = np.zeros(tokens.shape, bool)
    for i, n in enumerate(lengths):
        mask[i, slice(longest - n, None) if side == "left" else slice(n)] = True

    padded = model(tokens, padding_mask=mask)
    model.loss(tokens, np.where(mask, targets, -100), mask).backward()
    gradients = {name: p.grad.numpy().copy() for name, p in model.named_parameters()}
    model.zero_grad()
    total = tl.tensor(0.0, dtype=tl.float64)
    for i, n in enumerate(lengths):
        row = mask[i]
        assert_close(padded[i].detach().numpy()[row], model(tokens[i][row]).detach().numpy(), "logits", 1e-10)
        total = total + model.loss(tokens[i][row], targets[i][row]) * (n / sum(lengths))
    total.backward()
    for name, p in model.named_parameters():
        assert_close(gradients[name], p.grad.numpy(), f"gradient of {name}", 1e-9)


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
        Classifier(small(), classes, pooling)


# --- on a GPU -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pooling", ["first", "mean"])
@each_kind
@pytest.mark.parametrize("padded", [False, True])
def test_on_a_gpus_arrays(kind, padded, pooling):
    """Loss, classes and gradients are those of the CPU, without a synchronisation."""
    mask = np.ones((2, 4), bool)
    mask[0, 3] = not padded

    def results(device):
        model, head = small(kind, tl.float32, device), classifier(kind, pooling, tl.float32, device)
        x, y = some_tokens(2, 4).to(device), some_tokens(2, 4, seed=1).to(device)
        seen = tl.tensor(mask, device=device) if padded else None
        with no_synchronisation():
            loss = model.loss(x, y, seen)
            classes = head(x, seen)
            loss.backward()
            classes.sum().backward()
        return [loss.detach(), classes.detach(), *(p.grad for m in (model, head) for p in m.parameters())]

    found = [result for device in ("strict", "cpu") for result in [results(device)]]
    for there, here in zip(*([g for g in f if g is not None] for f in found), strict=True):
        assert there.device == "strict"
        assert_close(there.cpu().numpy(), here.numpy(), "on the device", 5e-5)
