"""Checks of chapters 8 and 9: the parts of a transformer, and the learner's own GPT."""

from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st

from tinygrad_lecture.testing import arrays, indices, matrices, shapes

from . import observers
from .spec import Spec, solved
from .steps import function, of_tensors, parts, rule, trained

HEADS, CONTEXT, WIDTH = 2, 11, 24

# --- inputs -----------------------------------------------------------------------------------------------------------


@st.composite
def embedded(draw: st.DrawFn) -> tuple[Any, ...]:
    n, width, vocabulary = draw(st.integers(1, 3)), draw(st.integers(1, 2)), draw(st.integers(1, 3))
    ids = draw(indices(vocabulary, (draw(st.integers(1, 2)), n)))
    return draw(arrays((vocabulary, width))), draw(arrays((n + draw(st.integers(0, 1)), width))), ids


@st.composite
def queries(draw: st.DrawFn, batch: tuple[int, ...] = ()) -> tuple[Any, ...]:
    n, d, e = (draw(st.integers(1, 3)) for _ in range(3))
    kind = draw(st.sampled_from(["plain", "causal", "cross"]))
    m = draw(st.integers(1, 3)) if kind == "cross" else n
    mask = solved("8.5").causal_mask(n) if kind == "causal" else None
    # The ends of larger arrays: when n becomes smaller, no other number changes, and so a failing input stays one.
    q, k, v = (draw(arrays((*batch, 3, 3), low=-2, high=2)) for _ in range(3))
    q, k, v = (x[..., -rows:, -columns:].copy() for x, rows, columns in ((q, n, d), (k, m, d), (v, m, e)))
    return q, k, v, {"mask": mask}


@st.composite
def wide(draw: st.DrawFn) -> tuple[Any, ...]:
    heads, size, n = (draw(st.integers(1, 3)) for _ in range(3))
    batch = draw(shapes(max_dims=1, max_side=2))
    return draw(arrays((*batch, n, heads * size))), {"heads": heads}


def sloped(d: Any) -> Any:
    """Arrays, the first without rows of equal numbers."""
    return (d[0] + np.linspace(0, 2, d[0].shape[1]), *d[1:])


def several_heads(d: Any) -> Any:
    return (solved("8.8").split_heads(d[0], d[1]["heads"]),)


TEXT = st.lists(st.integers(1, 3), min_size=2, max_size=8)
PAIR = st.tuples(st.integers(1, 3), st.integers(1, 3))
SQUARES = st.integers(1, 3).flatmap(
    lambda n: st.tuples(arrays(st.sampled_from([(n, n), (2, n, n)])), st.just(np.tril(np.ones((n, n), bool))))
)
BATCHES = ((), (2,))  # first without one: what is wrong there is easier to read
NORMALISED = matrices("BW", "W", "W", max_side=4, zero=False).map(sloped)
SCORED = st.tuples(matrices("w", "wv", low=-2, high=2), st.sampled_from([1.0, 0.5, 2.0])).map(lambda d: (*d[0], d[1]))
PROBABILITIES = st.lists(st.integers(1, 8), min_size=1, max_size=5, unique=True).map(lambda n: np.array(n) / sum(n))


def boolean(m: Any, spec: Spec) -> None:
    kind = getattr(m.causal_mask(3), "dtype", type(m.causal_mask(3)).__name__)
    if kind != np.dtype(bool):
        shown = ["causal_mask(3)", f"expected an array of bool, got {kind}"]
        spec.fail("not-boolean", shown, kind="type")


# --- parameters -------------------------------------------------------------------------------------------------------


def block_arrays(width: int, rng: Any, size: float = 0.5, spread: float = 0.3) -> dict[str, Any]:
    """The parameters of a block. spread: of biases around 0 and gains around 1, so that each is seen to be used."""
    shapes = {**dict.fromkeys(("W_Q", "W_K", "W_V", "W_O"), (width, width)), "W1": (width, 4 * width),
              "b1": (4 * width,), "W2": (4 * width, width), "b2": (width,),
              **dict.fromkeys(("gain1", "bias1", "gain2", "bias2"), (width,))}  # fmt: skip
    scales = {name: size if len(shape) == 2 else spread for name, shape in shapes.items()}
    found = {name: rng.standard_normal(shape) * scales[name] for name, shape in shapes.items()}
    return found | {name: 1 + found[name] for name in ("gain1", "gain2")}


def gpt_arrays(vocabulary: int, context: int, width: int, blocks: int, rng: Any, fresh: bool = False) -> dict[str, Any]:
    """The parameters of a GPT; fresh: as training begins."""
    size, spread = (0.08, 0.0) if fresh else (0.5, 0.3)
    return {
        "tokens": rng.standard_normal((vocabulary, width)) * (0.3 if fresh else 1),
        "places": rng.standard_normal((context, width)) * (0.1 if fresh else 1),
        "blocks": [block_arrays(width, rng, 1.5 * size, spread) for _ in range(blocks)],
        "gain": 1 + spread * rng.standard_normal(width),
        "bias": spread * rng.standard_normal(width),
        "W_U": rng.standard_normal((width, vocabulary)) * size,
    }


@cache
def names() -> tuple[Any, dict[str, int]]:
    """First names as an array (names, 12) of tokens, 0 before and after each, and the number of each letter."""
    words = (Path(__file__).parent.parent / "names.txt").read_text(encoding="utf-8").split()
    letters = {c: k for k, c in enumerate(sorted(set("".join(words))), start=1)}
    rows = [[0, *(letters[c] for c in word)] for word in words]
    return np.array([row + [0] * (12 - len(row)) for row in rows]), letters


RNG = np.random.default_rng(3)
X, P = RNG.standard_normal((2, 3, 4)), block_arrays(4, RNG)
SMALL_GPT, IDS = gpt_arrays(5, 6, 4, 2, np.random.default_rng(8)), np.array([[0, 3, 1, 1], [0, 2, 4, 1]])


def of_block(name: str, *used: str) -> Any:
    """A step for a function of x and a block's parameters, of which it uses those that are named."""
    heads = {} if name == "ffn" else {"heads": HEADS}
    call_ = f"{name}(x, p{f', heads={HEADS}' if heads else ''}), x of shape (2, 3, 4)"
    return of_tensors(name, {"x": X, "p": {k: P[k] for k in used or P}, **heads}, [call_])


# --- chapter 9 --------------------------------------------------------------------------------------------------------

TEXTS = np.array([[0, 3, 1, 2, 0], [0, 2, 4, 1, 3]])


def _fresh() -> dict[str, Any]:
    """The parameters of a GPT that has learnt nothing."""
    vocabulary = len(names()[1]) + 1
    return gpt_arrays(vocabulary, CONTEXT, WIDTH, 1, np.random.default_rng(0), fresh=True)


def learns_names(m: Any, spec: Spec) -> None:
    data, _ = names()
    line = f"train(p, parameters, texts, heads=2, epochs=12) with {len(data)} names"
    losses, _, shown, told = trained(m, spec, _fresh(), (data, HEADS, 12), line)
    if len(losses) != 12 * -(-len(data) // 32):
        spec.fail("losses", shown)
    if told or np.mean(losses[-8:]) > 1.2:
        spec.fail(told or "slow", [*shown, "1.2 or less is expected"])


WRITER = gpt_arrays(6, 4, 4, 1, np.random.default_rng(1))
WRITER["W_U"] *= 3
DRAWN = product(range(6), ((1.0, 0.95), (0.5, 0.95), (2.0, 0.6)))  # seeds; temperature, and share that is kept
WRITINGS = [(WRITER, HEADS, 4, seed, {"temperature": t, "keep": keep, "most": 12}) for seed, (t, keep) in DRAWN]


def writing(p: Any, heads: int, context: int, seed: int, settings: dict[str, Any]) -> list[str]:
    """9.3 as a program."""
    given = ", ".join(f"{name}={value:g}" for name, value in settings.items())
    return [f"write(p, heads={heads}, context={context}, rng of seed {seed}, {given})"]


def written_names(m: Any) -> str:
    """Names that the learner's GPT writes, with the weights of a short training."""
    data, letters = names()
    p = _fresh()
    _, learnt = observers.trained(solved("9.2"), p, data, HEADS, 20)
    for before, after in zip(observers.leaves(p).values(), learnt, strict=True):
        before[...] = after
    spelled, given = {k: c for c, k in letters.items()}, observers.as_tensors(p, observers.tensor_class(m))
    written = [m.write(given, HEADS, CONTEXT, np.random.default_rng(k), temperature=0.8, most=10) for k in range(12)]
    words = dict.fromkeys("".join(spelled[t] for t in word) for word in written if len(word) > 1)
    return "Your GPT, after a short training, writes: " + ", ".join(words)


CHECKS = {
    "8.1": [function("most_frequent_pair", [TEXT]), function("merge", [TEXT, PAIR, st.just(9)])],
    "8.2": [function("embed", embedded()), rule("embed_rule", "embed", embedded())],
    "8.3": [
        function("normalized", matrices("BW", max_side=4).map(sloped), rtol=1e-7, atol=1e-9),
        rule("layer_norm_rule", "layer_norm", NORMALISED, solved=True),
    ],
    "8.4": [rule("gelu_rule", "gelu", [arrays(shapes(max_dims=2))])],
    "8.5": [function("causal_mask", [st.integers(1, 5)]), boolean, function("masked", SQUARES)],
    "8.6": [
        step
        for batch in BATCHES
        for step in (
            function("attention_weights", queries(batch).map(lambda d: (d[0], d[1], d[3])), draws=25,
                     names=("q", "k", "mask")),
            function("attention", queries(batch), draws=25, names=("q", "k", "v", "mask")),
        )
    ],
    "8.7": [
        rule("attention_rule", lambda q, k, v, mask=None: solved("8.6").attention(q, k, v, mask), queries(batch),
             solved=True, draws=20)
        for batch in BATCHES
    ],
    "8.8": [
        function("split_heads", wide()),
        function("merge_heads", wide().map(several_heads)),
        rule("split_rule", "split_heads", wide()),
        rule("merge_rule", "merge_heads", wide().map(several_heads)),
    ],
    "8.9": [of_block("self_attention", "W_Q", "W_K", "W_V", "W_O")],
    "8.10": [
        of_tensors("linear", {"x": X, "W": RNG.standard_normal((4, 3)), "b": RNG.random(3)}, ["linear(x, W, b)"]),
        of_block("ffn", "W1", "b1", "W2", "b2"),
    ],
    "8.11": [of_block("block")],
    "8.12": [
        function("next_probabilities", SCORED),
        function(
            "top_p",
            [PROBABILITIES, st.sampled_from([0.3, 0.55, 0.77, 0.93])],
            examples=[(np.array([0.5, 0.3, 0.15, 0.05]), 0.7), (np.array([0.5, 0.25, 0.25]), 0.5),
                      (np.array([0.25] * 4), 0.5)],
        ),
    ],
    "9.1": [
        of_tensors("gpt", {"p": SMALL_GPT, "ids": IDS, "heads": HEADS},
                   [f"gpt(p, {IDS.tolist()}, heads=2), p with two blocks of width 4"])
    ],
    "9.2": [
        of_tensors("loss_of", {"p": SMALL_GPT, "texts": TEXTS, "heads": HEADS},
                   [f"loss_of(p, {TEXTS.tolist()}, heads={HEADS})"]),
        learns_names,
    ],
    "9.3": [parts(observers.written, st.sampled_from(WRITINGS), writing, WRITINGS)],
}  # fmt: skip
NOTES = {"9.3": written_names}  # what is said of a right answer
