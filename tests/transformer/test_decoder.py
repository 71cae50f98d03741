"""The compiled step for one token: the same logits as the modules, and it notices every change of the model."""

import copy
import gc
import weakref

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
from transformer import GPT, EncoderDecoder, EncoderDecoderConfig, FeedForward, GPTConfig
from transformer.generation.generate import pad_prompts

DTYPES = {tl.float32: 2e-4, tl.float64: 1e-10}
lengths = st.lists(st.integers(1, 4), min_size=1, max_size=3)


def config_of(kind, chosen):
    return kind(**{**chosen, "context": 8, "hidden": chosen["hidden"] + 2, "vocab_size": 7, "dropout": 0.3})


def prompts_of(sizes, seed=0):
    return pad_prompts([some_tokens(n, seed=seed + n).tolist() for n in sizes])


def small(**changes):
    sizes = {"vocab_size": 7, "context": 8, "layers": 2, "heads": 2, "width": 4, "hidden": 5, "activation": "relu"}
    return shuffled(GPT(GPTConfig(**{**sizes, **changes})))


def step_of(model, tokens, mask=None):
    """Logits of the last token, by the compiled step after the modules have read the others."""
    cache = model.new_cache()
    with tl.no_grad():
        model.next_logits(tl.tensor(tokens[:, :-1]), None if mask is None else tl.tensor(mask[:, :-1]), cache)
    return model.decoder().next_logits(tokens[:, -1], mask, cache)


def assert_same_as_the_modules(model, tolerance=1e-10):
    """The model is in evaluation mode."""
    tokens = some_tokens(2, 4).numpy()
    wanted = model(tokens).detach().cpu().numpy()[:, -1]
    assert_close(np.asarray(tl.Tensor(step_of(model, tokens))), wanted, "logits", tolerance)


@settings(max_examples=40)
@given(small_settings(), lengths, st.sampled_from(list(DTYPES)))
def test_the_logits_are_those_of_the_modules_for_every_config(chosen, sizes, dtype):
    model = shuffled(GPT(config_of(GPTConfig, chosen)), dtype).eval()
    tokens, mask = prompts_of(sizes)
    real = None if mask.all() else mask
    decoder, cache = model.decoder(), model.new_cache()
    assert decoder is not None
    with tl.no_grad():
        model.next_logits(tl.tensor(tokens), real, cache)
    for place in range(3):
        running = np.arange(len(tokens)) != place  # as of texts that have stopped
        tokens = np.concatenate([tokens, some_tokens(len(tokens), 1, seed=place).numpy()], axis=1)
        mask = np.concatenate([mask, running[:, None]], axis=1)
        real = None if mask.all() else mask
        found = decoder.next_logits(tokens[:, -1], real, cache)
        wanted = model(tokens, real).detach().numpy()[:, -1]
        assert found.dtype == dtype and cache.length == tokens.shape[1]
        assert_close(found, wanted, f"logits after {tokens.shape[1]} tokens", DTYPES[dtype])


@settings(max_examples=40)
@given(small_settings(), lengths, st.sampled_from(list(DTYPES)))
def test_the_logits_of_an_encoder_decoder_are_too(chosen, sizes, dtype):
    model = shuffled(EncoderDecoder(config_of(EncoderDecoderConfig, chosen)), dtype).eval()
    source, padding = prompts_of(sizes)
    decoder, cache = model.target_decoder(), model.new_cache()
    assert decoder is not None
    target = some_tokens(len(source), 1).numpy()
    with tl.no_grad():
        memory = model.encode(source, padding)
        model.decode(target, memory, None, padding, cache)
    for place in range(3):
        target = np.concatenate([target, some_tokens(len(source), 1, seed=place).numpy()], axis=1)
        found = decoder.next_logits(target[:, -1], None, cache)
        wanted = model(source, target, padding).detach().numpy()[:, -1]
        assert_close(found, wanted, f"logits after {target.shape[1]} tokens", DTYPES[dtype])


@settings(max_examples=40)
@given(small_settings(), lengths, st.sampled_from([None, 3]), st.sampled_from([0, 1.0]))
def test_the_tokens_are_those_of_the_modules(chosen, sizes, stop, temperature):
    """Also beyond the context of 8, and of texts that stop."""
    model = shuffled(GPT(config_of(GPTConfig, chosen)))
    prompts = [some_tokens(n, seed=n).tolist() for n in sizes]
    wanted = {"max_new_tokens": 9, "temperature": temperature, "stop": stop, "seed": 0}
    found = model.generate_batch(prompts, **wanted)
    with tl.reference():
        assert model.decoder() is None
        assert found == model.generate_batch(prompts, **wanted)


def test_generation_runs_the_step_for_each_token_but_the_first(monkeypatch):
    model, calls = small().eval(), []
    decoder = model.decoder()
    monkeypatch.setattr(decoder, "W_U", lambda x, W_U=decoder.W_U: calls.append(len(x)) or W_U(x))
    model.generate_batch([[1, 2], [3]], max_new_tokens=4)
    assert calls == [2, 2, 2]
    list(model.generate([1], max_new_tokens=4, cached=False))
    assert len(calls) == 3


def half_of(model):
    with tl.no_grad():
        model.blocks[1].attention.W_Q.weight.mul_(0.5)


def step(model):
    optimizer = nn.optim.SGD(model.parameters(), lr=0.1)
    model.loss([[1, 2]], [[2, 3]]).backward()
    optimizer.step()


def new_attribute(owner, name, value):
    return lambda model: setattr(owner(model), name, value(owner(model)))


CHANGES = {
    "a weight changed in place": half_of,
    "a step of an optimiser": step,
    "other weights loaded": lambda m: m.load_state_dict({k: v * 0.5 for k, v in m.state_dict().items()}),
    "a weight with new data": new_attribute(lambda m: m.norm.weight, "data", lambda weight: weight.detach() * 2),
    "a new Parameter": new_attribute(
        lambda m: m.blocks[0].ffn.up, "weight", lambda up: nn.Parameter(up.weight.detach() * 2)
    ),
    "a bias removed": new_attribute(lambda m: m.blocks[0].ffn.up, "bias", lambda up: None),
    "a new layer": new_attribute(lambda m: m.blocks[0].ffn, "up", lambda ffn: shuffled(nn.Linear(4, 5))),
    "a norm removed": new_attribute(lambda m: m.blocks[1], "norm_2", lambda block: nn.Identity()),
    "another setting": new_attribute(lambda m: m.blocks[1], "norm", lambda block: "post"),
    "moved to float32": lambda m: m.to(dtype=tl.float32),
    "blocks swapped": lambda m: setattr(m, "blocks", nn.ModuleList(list(m.blocks)[::-1])),
}


@pytest.mark.parametrize("change", CHANGES)
def test_it_notices(change):
    model = small().eval()
    tokens = some_tokens(2, 4).numpy()
    before = step_of(model, tokens)
    CHANGES[change](model)
    model.eval()
    assert np.abs(step_of(model, tokens) - before).max() > 1e-7, "the change changes nothing"
    assert_same_as_the_modules(model, 1e-10 if model.norm.weight.dtype == tl.float64 else 2e-4)


class Doubled(nn.Linear):
    def forward(self, x):
        return super().forward(x) * 2


def doubled_forward(module):
    forward = module.forward
    return lambda x: forward(x) * 2


CALLED = {
    "a hook": lambda m: m.blocks[1].ffn.register_forward_hook(lambda module, inputs, output: output * 2),
    "a layer of a user's class": new_attribute(lambda m: m.blocks[1].ffn, "down", lambda ffn: shuffled(Doubled(5, 4))),
    "a forward of its own": new_attribute(lambda m: m.blocks[1].ffn, "forward", doubled_forward),
    "an FFN that is one layer": new_attribute(lambda m: m.blocks[0], "ffn", lambda block: shuffled(nn.Linear(4, 4))),
    "vectors of its own": new_attribute(lambda m: m, "vectors", lambda m: lambda *given: GPT.vectors(m, *given) * 2),
    "float16": lambda m: m.half(),
    "two dtypes": lambda m: m.norm.to(dtype=tl.float32),
}


@pytest.mark.parametrize("change", CALLED)
def test_modules_are_called_where_only_they_know_what_they_compute(change):
    model = small().eval()
    assert model.decoder() is not None
    CALLED[change](model)
    assert model.decoder() is None
    assert model.decoder() is None
    assert_greedy(model)


def assert_greedy(model):
    text = [1, 2]
    for _ in range(4):
        text.append(int(model.next_logits(tl.tensor([text])).detach().numpy()[0].argmax()))
    assert list(model.generate([1, 2], max_new_tokens=4, temperature=0)) == text[2:]


def test_a_class_changed_by_a_user_is_called(monkeypatch):
    model = small().eval()
    assert model.decoder() is not None
    forward = FeedForward.forward
    monkeypatch.setattr(FeedForward, "forward", lambda self, x: forward(self, x) * 2)
    assert model.decoder() is None
    assert_greedy(model)


def test_a_hook_between_two_tokens_sees_the_next_ones():
    model, seen = small(), []
    tokens = model.generate([1, 2], max_new_tokens=6, temperature=0)
    found = [next(tokens), next(tokens)]
    with model.blocks[0].ffn.register_forward_hook(lambda *_: seen.append(1)):
        found += [next(tokens), next(tokens)]
    assert len(seen) == 2
    assert [*found, *tokens] == list(model.generate([1, 2], max_new_tokens=6, temperature=0))
    assert len(seen) == 2 and model.decoder() is not None


def test_a_step_of_training_between_two_tokens_changes_the_next():
    model, twin = small(), small()
    tokens = model.generate([1, 2], max_new_tokens=4, seed=0)
    with tl.reference():
        wanted = twin.generate([1, 2], max_new_tokens=4, seed=0)
        first = next(wanted)
        half_of(twin)
        wanted = [first, *wanted]
    found = next(tokens)
    half_of(model)
    assert [found, *tokens] == wanted


class Subclass(GPT):
    pass


def test_a_subclass_is_called():
    config = small().config
    assert Subclass(config).decoder() is None
    assert len(list(Subclass(config).generate([1], max_new_tokens=3))) == 3


def test_modules_are_called_while_ops_are_observed():
    model = small()
    with tl.Graph():
        assert model.decoder() is None
    with tl.detect_anomaly():
        assert model.decoder() is None
    assert model.decoder() is not None


def test_it_is_compiled_once_and_ignores_the_mode():
    model = small(dropout=0.5)
    decoder = model.eval().decoder()
    assert model.decoder() is decoder
    tl.zeros(3).add_(1)  # another tensor is written to
    assert model.decoder() is decoder
    wanted = list(model.generate([1, 2], max_new_tokens=5, temperature=0))
    assert list(model.train().generate([1, 2], max_new_tokens=5, temperature=0)) == wanted


def test_a_copy_has_a_step_of_its_own():
    model = small().eval()
    model.decoder()
    twin = copy.deepcopy(model)
    half_of(twin)
    for one in (model, twin):
        assert_same_as_the_modules(one)


def test_it_keeps_no_model_alive():
    model = small()
    model.decoder()
    gone = weakref.ref(model)
    gc.disable()
    try:
        del model
        assert gone() is None
    finally:
        gc.enable()


def test_an_interrupted_step_adds_nothing_to_the_cache(monkeypatch):
    model = small().eval()
    tokens = some_tokens(2, 4).numpy()
    decoder, cache = model.decoder(), model.new_cache()
    with tl.no_grad():
        model.next_logits(tl.tensor(tokens[:, :3]), None, cache)

    def interrupted(x, now):
        raise KeyboardInterrupt

    with monkeypatch.context() as during:
        during.setattr(decoder, "blocks", [decoder.blocks[0], interrupted])
        with pytest.raises(KeyboardInterrupt):
            decoder.next_logits(tokens[:, 0], None, cache)
    assert cache.length == 3
    wanted = model(tokens).detach().numpy()[:, -1]
    assert_close(decoder.next_logits(tokens[:, 3], None, cache), wanted, "after an interruption", 1e-10)


@pytest.mark.parametrize("positions", ["learned", "sinusoidal", "rotary"])
def test_on_a_gpus_arrays(positions):
    tokens, mask = prompts_of([4, 2])
    chosen = {"positions": positions, "activation": "swiglu" if positions == "rotary" else "gelu_tanh"}
    found, wanted = (step_of(small(**chosen).to(device=device).eval(), tokens, mask) for device in ("strict", "cpu"))
    assert_close(found.get(), wanted, "logits", 1e-10)
