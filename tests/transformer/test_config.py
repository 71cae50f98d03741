"""Configs and inputs: what is refused, parameter counts, tokens and masks."""

import numpy as np
import pytest

import tinygrad_lecture as tl
from transformer import (
    GPT,
    BartConfig,
    BertConfig,
    Encoder,
    EncoderConfig,
    EncoderDecoder,
    EncoderDecoderConfig,
    GPTConfig,
    LlamaConfig,
    T5Config,
    Windows,
    mask_tokens,
)
from transformer.inputs import as_tokens


@pytest.mark.parametrize(
    ("config", "count"),
    [
        (GPTConfig.gpt2(), 124_439_808),
        (GPTConfig.gpt2("medium"), 354_823_168),
        (GPTConfig.gpt2("large"), 774_030_080),
        (GPTConfig.gpt2("xl"), 1_557_611_200),
        (LlamaConfig(), 6_738_415_616),
        (LlamaConfig(vocab_size=49152, layers=30, heads=9, kv_heads=3, width=576, hidden=1536, tied=True), 134_515_008),
        (BertConfig(head=False), 109_482_240 - 768 * 769),  # without the pooler
        (T5Config(), 60_506_624),
        (T5Config(hidden=1024, layers=8, heads=6, activation="geglu", tied=False), 76_961_152),
        (BartConfig(), 406_291_456 - 4 * 1024 + 50265),  # without 2 unused rows of each stack, with the bias of W_U
    ],
)
def test_the_families_have_the_sizes_of_their_published_models(config, count):
    assert config.parameter_count() == count


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"heads": 5}, "width 768 cannot be split into 5 heads"),
        ({"width": 12, "heads": 4, "positions": "rotary"}, "must be even, got 3"),
        ({"kv_heads": 5}, "12 heads cannot share the keys and values of 5: heads must be a multiple"),
        ({"norm_kind": "batch"}, 'norm_kind must be one of "layer", "rms", got \'batch\''),
        ({"buckets": 3}, "buckets must be an integer of at least 4, got 3"),
        ({"buckets": 8, "max_distance": 4}, "max_distance 4 must be above buckets / 2"),
        ({"rotary_base": 0}, "rotary_base must be a number above 0, got 0"),
        ({"layers": 0}, "layers must be an integer of at least 1, got 0"),
        ({"activation": "tanh"}, '"relu", "gelu", "gelu_tanh", "swiglu", "geglu", got \'tanh\''),
        ({"positions": "alibi"}, '"relative", "none", got \'alibi\''),
        ({"dropout": 1.0}, "dropout must be a probability below 1, got 1.0"),
        ({"eps": 0.0}, "eps must be a number above 0, got 0.0"),
        ({"init_std": -1.0}, "init_std must be a number of at least 0, or None, got -1.0"),
        ({"bias": "no"}, "bias must be True or False, got 'no'"),
    ],
)
@pytest.mark.parametrize("kind", [GPTConfig, EncoderConfig, EncoderDecoderConfig])
def test_invalid_fields_raise(kind, wrong, message):
    sizes = {"width": 768, "heads": 12}
    with pytest.raises(ValueError, match=f"{kind.__name__}: .*") as caught:
        kind(**{**sizes, **wrong})
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("chosen", "std"), [({}, 0.02), ({"init_std": 0.5}, 0.5), ({"init_std": None}, 1 / 8)], ids=str
)
def test_initial_weights_are_gpt2s_with_the_configs_standard_deviation(chosen, std):
    model = GPT(GPTConfig(vocab_size=300, context=50, layers=8, heads=2, width=64, **chosen))
    for name, parameter in model.named_parameters():
        values = parameter.detach().numpy()
        if parameter.ndim == 1:
            assert (values == (1 if "norm" in name and "weight" in name else 0)).all(), name
        else:
            wanted = std / 4 if name.endswith(("W_O.weight", "down.weight")) else std
            assert values.std() == pytest.approx(wanted, rel=0.1), name
            assert abs(values.mean()) < std / 10, name


@pytest.mark.parametrize("model", [GPT, Encoder, EncoderDecoder])
@pytest.mark.parametrize("size", [10**13, 10**400])
def test_a_model_that_no_machine_holds_is_refused_with_its_size(model, size):
    config = {GPT: GPTConfig, Encoder: EncoderConfig, EncoderDecoder: EncoderDecoderConfig}[model](vocab_size=size)
    with pytest.raises(ValueError, match=rf"{model.__name__}: [\d,]+ parameters take [\d,]+ GiB.*vocab_size, context"):
        model(config)


@pytest.mark.parametrize("model", [GPT, Encoder, EncoderDecoder])
def test_a_model_needs_its_own_kind_of_config(model):
    name = model.__name__
    other = EncoderConfig() if model is GPT else GPTConfig()
    for config, got in ((other, type(other).__name__), (65, "65")):
        with pytest.raises(TypeError, match=rf"{name}: expected a {name}Config, as in .*\), got {got}$"):
            model(config)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: GPTConfig(n_layer=2), "GPTConfig: it has no argument n_layer; write layers"),
        (lambda: EncoderConfig(hidden_size=8), "EncoderConfig: it has no argument hidden_size; write width"),
        (lambda: T5Config(d_kv=8), "T5Config: it has no argument d_kv; write head_width"),
        (lambda: EncoderDecoderConfig(layer=2), "EncoderDecoderConfig: it has no argument layer; write layers"),
    ],
)
def test_other_libraries_names_of_fields_are_told_ours(make, message):
    with pytest.raises(TypeError, match=f"^{message}$"):
        make()


FORMS = [
    [[1, 2], [3, 4]],
    [tl.tensor([1, 2]), tl.tensor([3, 4])],
    np.array([[1, 2], [3, 4]], np.uint16),
    tl.tensor([[1, 2], [3, 4]]),
    ((1, 2), (3, 4)),
]


@pytest.mark.parametrize("tokens", FORMS, ids=["lists", "tensors in a list", "uint16", "tensor", "tuples"])
def test_any_form_of_integers_is_accepted(tokens):
    made = as_tokens(tokens)
    assert made.tolist() == [[1, 2], [3, 4]] and made.dtype.kind in "iu"
    model = GPT(GPTConfig(vocab_size=5, context=4, layers=1, heads=1, width=4))
    assert model(tokens).shape == (2, 2, 5) and model.loss(tokens, tokens).ndim == 0
    inputs, targets = mask_tokens(tokens, 0, 5, seed=0)
    assert inputs.dtype == targets.dtype == tl.int64


@pytest.mark.parametrize(
    ("tokens", "error", "message"),
    [
        ("hello", TypeError, "must be integers, got text; encode the text with the tokenizer"),
        ([0.5], TypeError, "must be integers, got float32; encode"),
        (None, TypeError, "tokens: must be integers: tensor: .*but data is None"),
        ([[1, 2], [3]], ValueError, "pad them, and pass a padding_mask"),
        ([], ValueError, r"at least one token, got \(0,\)"),
        ((tl.tensor([1, 2]), tl.tensor([3, 4])), TypeError, "tokens: it takes one tensor, not a tuple of a Tensor"),
    ],
)
def test_anything_but_tokens_raises(tokens, error, message):
    for take in (as_tokens, GPT(GPTConfig(vocab_size=5, context=4, layers=1, heads=1, width=4)), mask_five):
        with pytest.raises(error, match=message):
            take(tokens)
    with pytest.raises((TypeError, ValueError)):
        Windows(tokens, 2)


def mask_five(tokens):
    return mask_tokens(tokens, 0, 5)
