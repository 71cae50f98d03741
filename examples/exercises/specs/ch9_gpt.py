"""Chapter 9: the learner's own GPT, which learns names and writes some."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_lecture.testing import CheckFailed, Exercise, Mistake
from tinygrad_lecture.testing.calls import call

from .ch6_learning import adam
from .shared import tensors as right
from .shared.models import (
    as_tensors,
    call_recording,
    check_tensors,
    gpt_arrays,
    gradients,
    leaves,
    names,
    tensor_class,
    why_not_learning,
)

HEADS, CONTEXT = 2, 11


def _small(m: Any) -> tuple[Any, Any, Any]:
    p = gpt_arrays(5, 6, 4, 2, np.random.default_rng(8))
    return p, as_tensors(p, tensor_class(m)), np.array([[0, 3, 1, 1], [0, 2, 4, 1]])


def _check_gpt(m: Any) -> None:
    p, tp, ids = _small(m)

    def without(last: bool = True, blocks: int = 2, norm: bool = True, unembed: bool = True) -> Any:
        x = p["tokens"][ids] + p["places"][:4]
        for q in p["blocks"][:blocks]:
            x = right.block(x, q, HEADS)
        x = right.layer_norm(x, p["gain"], p["bias"]) if norm else x
        return x @ p["W_U"] if unembed else x

    check_tensors(
        m, "gpt", lambda: m.gpt(tp, ids, HEADS), lambda: right.gpt(p, ids, HEADS), dict(leaves(tp)),
        [f"gpt(p, {ids.tolist()}, heads=2), p with two blocks of width 4"],
        [
            Mistake("norm-missing", "the last layer norm is missing", lambda: without(norm=False)),
            Mistake("one-block", "only one block is run: does x become the result of each?", lambda: without(blocks=1)),
            Mistake("no-blocks", "no block is run: x = block(x, q, heads)", lambda: without(blocks=0)),
            Mistake("last-block", "each block gets the x of the beginning; it must get what the block before has made",
                    lambda: right.layer_norm(right.block(p["tokens"][ids] + p["places"][:4], p["blocks"][1], HEADS), p["gain"], p["bias"]) @ p["W_U"]),
            Mistake("same-block", "every block runs with the parameters of the first",
                    lambda: right.gpt({**p, "blocks": [p["blocks"][0]] * 2}, ids, HEADS)),
            Mistake("probabilities", "these are probabilities; return the logits", lambda: right.softmax(without())),
        ],
    )  # fmt: skip


def _loss(p: Any, texts: Any, shift: str = "next") -> float:
    if shift == "next":
        inputs, targets = texts[:, :-1], texts[:, 1:]
    elif shift == "same":
        inputs, targets = texts[:, :-1], texts[:, :-1]
    elif shift == "before":
        inputs, targets = texts[:, 1:], texts[:, :-1]
    elif shift == "all":
        inputs, targets = texts, texts[:, 1:]
    else:
        inputs, targets = texts[:, 1:], texts[:, 1:]
    logits = right.gpt(p, inputs, HEADS)
    flat = targets.reshape(-1)
    return float(right.cross_entropy(logits.reshape(-1, logits.shape[-1])[: len(flat)], flat))


def _check_train(m: Any) -> None:
    p, tp, _ = _small(m)
    texts = np.array([[0, 3, 1, 2, 0], [0, 2, 4, 1, 3]])
    lines = [f"loss_of(p, {texts.tolist()}, heads=2)"]
    loss = call_recording(m.loss_of, (tp, texts, HEADS), "loss_of", lines)
    expected = _loss(p, texts)
    if not isinstance(loss, tensor_class(m)) or np.shape(loss.data) != ():
        raise CheckFailed("loss_of must return a Tensor that holds a single number.", kind="type", shown=lines, hint="type",
                          cause="return record(cross_entropy, cross_entropy_rule, flat, targets=...)")  # fmt: skip
    if abs(float(loss.data) - expected) > 1e-6:
        hint, cause = None, None
        for shift, name, says in (
            (
                "same",
                "same-tokens",
                "each place must predict the token that it reads; it must predict the next one: texts[:, 1:]",
            ),
            ("before", "backwards", "each place must predict the token before it; it must predict the one after"),
            (
                "all",
                "last-token-read",
                "the last token is read too, and has nothing to predict: the input is texts[:, :-1]",
            ),
            ("last", "same-tokens", "input and targets are the same tokens; the input is all but the last"),
        ):
            if abs(float(loss.data) - _loss(p, texts, shift)) < 1e-6:
                hint, cause = name, says
        raise CheckFailed("loss_of is wrong.", kind="loss", hint=hint, cause=cause,
                          shown=[*lines, f"expected {expected:.6g}", f"got      {float(loss.data):.6g}"])  # fmt: skip
    data, letters = names()
    make = tensor_class(m)
    tp = as_tensors(gpt_arrays(len(letters) + 1, CONTEXT, 24, 1, np.random.default_rng(0), fresh=True), make)
    parameters = [leaf for _, leaf in leaves(tp)]
    before = [q.data.copy() for q in parameters]
    lines = [f"train(p, parameters, texts, heads=2, epochs=12) with {len(data)} names"]
    losses = call_recording(m.train, (tp, parameters, data, HEADS, 12), "train", lines)
    steps = 12 * -(-len(data) // 32)
    if not isinstance(losses, list) or len(losses) != steps:
        raise CheckFailed("train must return the list of losses, one for each batch.", kind="type", shown=lines, hint="losses",
                          cause="leave losses.append(...) and return losses as they are")  # fmt: skip
    after = float(np.mean(losses[-8:]))
    shown = [*lines, f"loss at the beginning {losses[0]:.2f}, at the end {after:.2f}; 1.2 or less is expected"]
    falls = after < 0.9 * losses[0]
    slow = "slow", "it learns slowly: does each parameter keep its own m and v, and does t count the batches?"
    found = why_not_learning([name for name, _ in leaves(tp)], before, parameters, falls=falls)
    if found is None and after <= 1.2:
        return
    hint, cause = found or slow
    raise CheckFailed("It does not learn.", kind="learning", shown=shown, hint=hint, cause=cause)


def _check_write(m: Any) -> None:
    make = tensor_class(m)
    arrays = gpt_arrays(6, 4, 4, 1, np.random.default_rng(1))
    arrays["W_U"] = arrays["W_U"] * 3
    tp = as_tensors(arrays, make)

    def reference(seed: int, temperature: float, keep: float, place: int = -1, use_p: bool = True, greedy: bool = False,
                  scale: bool = True, most: int = 12) -> list[int]:  # fmt: skip
        rng, ids = np.random.default_rng(seed), [0]
        while len(ids) <= most:
            logits = right.gpt(arrays, np.array([ids[-4:]]), HEADS)
            probabilities = right.softmax(logits[0, place] / (temperature if scale else 1))
            probabilities = right.top_p(probabilities, keep) if use_p else probabilities
            following = int(probabilities.argmax()) if greedy else int(rng.choice(len(probabilities), p=probabilities))
            if following == 0:
                break
            ids.append(following)
        return ids[1:]

    cases = [(seed, t, keep) for seed in range(6) for t, keep in ((1.0, 0.95), (0.5, 0.95), (2.0, 0.6))]
    got = []
    for seed, t, keep in cases:
        lines = [f"write(p, heads=2, context=4, rng of seed {seed}, temperature={t:g}, keep={keep:g}, most=12)"]
        written = call(
            lambda s=seed, t=t, k=keep: m.write(tp, HEADS, 4, np.random.default_rng(s), temperature=t, keep=k, most=12),
            (), "write", shown=lines, watch=False,
        )  # fmt: skip
        if not isinstance(written, list):
            raise CheckFailed(
                "write must return a list.", kind="type", shown=lines, hint="type", cause="leave `return ids[1:]`"
            )
        got.append([int(token) for token in written])
    if got == [reference(*case) for case in cases]:
        return
    k = next(k for k, case in enumerate(cases) if got[k] != reference(*case))
    hint, cause = None, "draw with rng.choice(len(probabilities), p=probabilities), once for each token"
    for name, says, options in (
        (
            "first-place",
            "the scores at the first place are used; those at the last place predict what follows: [0, -1]",
            {"place": 0},
        ),
        ("top-p-missing", "top_p is not used", {"use_p": False}),
        ("greedy", "the likeliest token is taken each time; draw it: rng.choice", {"greedy": True}),
        ("temperature-ignored", "the temperature is not used", {"scale": False}),
    ):
        if got == [reference(*case, **options) for case in cases]:
            hint, cause = name, says
    seed, t, keep = cases[k]
    raise CheckFailed("write draws other tokens than it should.", kind="tokens", hint=hint, cause=cause,
                      shown=[f"write(p, ..., rng of seed {seed}, temperature={t:g}, keep={keep:g}, most=12)",
                             f"expected {reference(*cases[k])}", f"got      {got[k]}"])  # fmt: skip


def _written_names(m: Any) -> str:
    """Names that the learner's GPT writes after a short training: their gpt, their rules, their write."""
    data, letters = names()
    tp = as_tensors(gpt_arrays(len(letters) + 1, CONTEXT, 24, 1, np.random.default_rng(0), fresh=True), tensor_class(m))
    parameters = [leaf for _, leaf in leaves(tp)]
    state = [(np.zeros_like(q.data), np.zeros_like(q.data)) for q in parameters]
    rng, t = np.random.default_rng(0), 0
    for _ in range(20):
        order = rng.permutation(len(data))
        for start in range(0, len(data), 32):
            t += 1
            texts = data[order[start : start + 32]]
            logits = m.gpt(tp, texts[:, :-1], HEADS)
            difference = right.softmax(logits.data) - right.one_hot(logits.data, texts[:, 1:])
            grads = gradients(logits, difference / texts[:, 1:].size)
            for k, q in enumerate(parameters):
                q.data, *state[k] = adam(q.data, grads[id(q)], *state[k], t, lr=0.01)
    spelled = {k: c for c, k in letters.items()}
    written = [m.write(tp, HEADS, CONTEXT, np.random.default_rng(seed), temperature=0.8, most=10) for seed in range(12)]
    words = dict.fromkeys("".join(spelled[t] for t in word) for word in written if len(word) > 1)
    return "Your GPT has learnt for a moment and writes: " + ", ".join(words)


EXERCISES = [
    Exercise(
        "9.1", "ch9_gpt/ex1_gpt.py", _check_gpt,
        title="Your GPT",
        solution=(
            'x = record(embed, embed_rule, p["tokens"], p["places"], ids=ids)',
            "x = block(x, q, heads)",
            'x = record(layer_norm, layer_norm_rule, x, p["gain"], p["bias"])',
            'return record(matmul, matmul_rule, x, p["W_U"])',
        ),
        hints=(
            "Which shape has x after each of the four lines?",
            "embed takes two Tensors, and ids as a setting: ids=ids. The loop gives x a new value each time.",
            'record(embed, embed_rule, p["tokens"], p["places"], ids=ids); x = block(x, q, heads); norm; matmul with W_U.',
        ),
        meaning="This is GPT-2, only smaller: 12 such blocks, width 768, and 50,257 tokens would be the real one.",
        engine="transformer/gpt.py:GPT",
        another='functools.reduce(lambda x, q: block(x, q, heads), p["blocks"], x)',
    ),
    Exercise(
        "9.2", "ch9_gpt/ex2_train.py", _check_train,
        title="It learns from names",
        seconds=90,
        solution=(
            "logits = gpt(p, texts[:, :-1], heads)",
            "return record(cross_entropy, cross_entropy_rule, flat, targets=texts[:, 1:].reshape(-1))",
            """
            backward(loss)
            for k, q in enumerate(parameters):
                q.data, *state[k] = adam_step(q.data, q.grad, *state[k], t, lr=lr)
            """,
        ),
        hints=(
            "The text is 0 e m m a 0. After reading 0 e m, what must the third place predict?",
            "Inputs are texts[:, :-1], targets texts[:, 1:].reshape(-1). The training step is that of 6.5.",
            "record(cross_entropy, cross_entropy_rule, flat, targets=texts[:, 1:].reshape(-1)).",
        ),
        meaning="Every place of every text is an exercise with a known answer: the text marks itself.",
        engine="transformer/training.py:TokenCrossEntropy",
        another="nn.Trainer(model, loader, TokenCrossEntropy(), optimizer).fit()    # with this project",
    ),
    Exercise(
        "9.3", "ch9_gpt/ex3_write.py", _check_write,
        title="It writes names",
        seconds=120,
        race=_written_names,
        solution="""
            probabilities = top_p(softmax(logits[0, -1] / temperature), keep)
            following = rng.choice(len(probabilities), p=probabilities)
        """,
        hints=(
            "logits has scores for each place. Which place knows the whole text so far?",
            "logits[0, -1], divided by the temperature; softmax; top_p; rng.choice.",
            "following = rng.choice(len(probabilities), p=probabilities).",
        ),
        meaning="One token after the other, each from a full pass: so does every chatbot that you know.",
        engine="transformer/generation/generate.py:LanguageModel",
        another="rng.multinomial(1, probabilities).argmax()",
    ),
]  # fmt: skip
