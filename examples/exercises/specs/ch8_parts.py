"""Chapter 8, first part: tokens, embedding, layer norm, GELU, attention, heads."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

import tinygrad_lecture as tl
from tinygrad_lecture.testing import (
    CheckFailed,
    Exercise,
    Mistake,
    arrays,
    check_function,
    check_rule,
    indices,
    matrices,
    shapes,
)

from .shared.racing import normal, race
from .shared.telling import explaining
from .shared.tensors import attention, causal, gelu, layer_norm, masked, merge_heads, normalized, softmax, split_heads

TEXT = st.lists(st.integers(1, 3), min_size=2, max_size=8)


def _check_bpe(m: Any) -> None:
    def counts(ids: Any) -> dict[Any, int]:
        found: dict[Any, int] = {}
        for pair in zip(ids, ids[1:], strict=False):
            found[pair] = found.get(pair, 0) + 1
        return found

    def best(ids: Any) -> Any:
        found = counts(ids)
        return max(found, key=lambda pair: found[pair])

    def best_of_moved(ids: Any) -> Any:  # a pair moves to the end of the dict whenever it occurs
        found: dict[Any, int] = {}
        for pair in zip(ids, ids[1:], strict=False):
            found[pair] = found.pop(pair, 0) + 1
        return max(found, key=lambda pair: found[pair])

    def merging(found: Any) -> Any:
        """merge with another test for the pair. found: a function of the next one or two tokens and the pair."""

        def fn(ids: Any, pair: Any, new: int) -> list[int]:
            merged, k = [], 0
            while k < len(ids):
                here = found(tuple(ids[k : k + 2]), pair)
                merged.append(new if here else ids[k])
                k += 2 if here else 1
            return merged

        return fn

    check_function(
        m.most_frequent_pair,
        best,
        [TEXT],
        mistakes=[
            Mistake("not-counted", "every pair counts 1, however often it occurs: add 1 to what is there", lambda ids: next(iter(counts(ids)))),
            Mistake("rarest", "this is the rarest pair", lambda ids: min(counts(ids), key=lambda p: counts(ids)[p])),
            Mistake("last", "of several equally frequent pairs this is the last one: does a pair change its place in the dict?",
                    lambda ids: best_of_moved(ids)),
            Mistake("order-ignored", "the order within a pair counts: (1, 2) is not (2, 1)",
                    lambda ids: max({tuple(sorted(p)): 0 for p in counts(ids)}, key=lambda p: sum(n for q, n in counts(ids).items() if tuple(sorted(q)) == p))),
        ],
    )  # fmt: skip
    pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))
    check_function(
        m.merge,
        merging(lambda here, pair: here == pair),
        [TEXT, pairs, st.just(9)],
        mistakes=[
            Mistake("first-only", "only the first token of the pair is compared", merging(lambda here, pair: here[0] == pair[0])),
            Mistake("either", "one of the two is enough here; both must stand there, one after the other", merging(lambda here, pair: here[0] in pair)),
            Mistake("order-ignored", "the order counts: (1, 2) is not (2, 1)", merging(lambda here, pair: sorted(here) == sorted(pair))),
            Mistake("never", "the pair is never found: a slice of a list is a list, and no list equals a tuple", lambda ids, pair, new: list(ids)),
        ],
    )  # fmt: skip


@st.composite
def _embedded(draw: st.DrawFn) -> tuple[Any, ...]:
    n, width, vocabulary = draw(st.integers(1, 3)), draw(st.integers(1, 2)), draw(st.integers(1, 3))
    ids = draw(indices(vocabulary, (draw(st.integers(1, 2)), n)))
    return draw(arrays((vocabulary, width))), draw(arrays((n + draw(st.integers(0, 1)), width))), ids


def _scatter(g: Any, tokens: Any, ids: Any) -> Any:
    grad = np.zeros_like(tokens)
    np.add.at(grad, ids, g)
    return grad


def _check_embed(m: Any) -> None:
    def right(tokens: Any, places: Any, ids: Any) -> Any:
        return tokens[ids] + places[: ids.shape[1]]

    def of_places(g: Any, places: Any, reduce: Any) -> Any:
        grad = np.zeros_like(places)
        grad[: g.shape[1]] = reduce(g)
        return grad

    check_function(
        m.embed,
        right,
        _embedded(),
        mistakes=[
            Mistake("places-missing", "the places are not added", lambda tokens, places, ids: tokens[ids]),
            Mistake("by-token", "the places are looked up by token; row t belongs to place t", lambda tokens, places, ids: tokens[ids] + places[ids]),
            Mistake("first-place", "all tokens get the vector of the first place", lambda tokens, places, ids: tokens[ids] + places[0]),
            Mistake("all-places", "the table of places may be longer than the text: take its first n rows", lambda tokens, places, ids: tokens[ids] + places),
            Mistake("last-places", "the last n rows are taken; the first place is row 0", lambda tokens, places, ids: tokens[ids] + places[-ids.shape[1] :]),
            Mistake("multiplied", "they are multiplied; add them", lambda tokens, places, ids: tokens[ids] * places[: ids.shape[1]]),
        ],
    )  # fmt: skip
    check_rule(
        right,
        m.embed_rule,
        _embedded(),
        mistakes=[
            Mistake("first-text", "only the first text of the batch counts; sum over the batch",
                    lambda g, tokens, places, ids: (_scatter(g, tokens, ids), of_places(g, places, lambda g: g[0]))),
            Mistake("first-text", "only the last text of the batch counts; sum over the batch",
                    lambda g, tokens, places, ids: (_scatter(g, tokens, ids), of_places(g, places, lambda g: g[-1]))),
            Mistake("mean", "this is the mean over the batch; take the sum",
                    lambda g, tokens, places, ids: (_scatter(g, tokens, ids), of_places(g, places, lambda g: g.mean(0)))),
            Mistake("shape", "grad_places keeps the shape of places: write into its first rows, grad_places[: g.shape[1]] = ...",
                    lambda g, tokens, places, ids: (_scatter(g, tokens, ids), g.sum(0))),
            Mistake("all-places", "places at which no token stands get 0: write into the first rows, grad_places[: g.shape[1]]",
                    lambda g, tokens, places, ids: (_scatter(g, tokens, ids), np.zeros_like(places) + g.sum(0))),
            Mistake("nothing", "the places get no gradient", lambda g, tokens, places, ids: (_scatter(g, tokens, ids), np.zeros_like(places))),
            Mistake("summed-too-far", "the gradients of all places are summed; each place has its own",
                    lambda g, tokens, places, ids: (_scatter(g, tokens, ids), of_places(g, places, lambda g: g.sum((0, 1))))),
        ],
    )  # fmt: skip


def _check_layer_norm(m: Any) -> None:
    spread = matrices("BW", max_side=4).map(lambda d: (d[0] + np.linspace(0, 2, d[0].shape[1]),))

    def variant(axis: Any = -1, root: bool = True, center: bool = True, eps: float = 1e-5, ddof: int = 0) -> Any:
        def fn(x: Any) -> Any:
            var = x.var(axis, keepdims=True, ddof=ddof) + eps
            return (x - (x.mean(axis, keepdims=True) if center else 0)) / (np.sqrt(var) if root else var)

        return fn

    check_function(
        m.normalized,
        normalized,
        spread,
        rtol=1e-7,
        atol=1e-9,
        mistakes=[
            Mistake("wrong-axis", "mean and variance go over axis 0, the examples; they belong to each vector: axis=-1", variant(axis=0)),
            Mistake("whole-array", "mean and variance are those of the whole array; each vector has its own: axis=-1", variant(axis=None)),
            Mistake("root-missing", "divide by the root of the variance", variant(root=False)),
            Mistake("keepdims", "mean and variance have lost their axis and meet the wrong numbers: keepdims=True",
                    lambda x: (x - x.mean(-1)) / np.sqrt(x.var(-1) + 1e-5)),
            Mistake("eps-missing", "eps is missing: a vector of equal numbers would divide by 0", variant(eps=0.0)),
            Mistake("eps-outside", "eps is added inside of the root", lambda x: (x - x.mean(-1, keepdims=True)) / (x.std(-1, keepdims=True) + 1e-5)),
            Mistake("mean-missing", "the mean is not subtracted", variant(center=False)),
            Mistake("n-minus-1", "the variance divides by n, not by n - 1", variant(ddof=1)),
        ],
    )  # fmt: skip

    def rule(
        minus_mean: bool = True,
        minus_n: bool = True,
        root: bool = True,
        with_gain: bool = True,
        axis: Any = -1,
        gain_of: str = "n",
    ) -> Any:
        def fn(g: Any, x: Any, gain: Any, bias: Any) -> Any:
            n, d = normalized(x), (g * gain if with_gain else g)
            grad = (
                d
                - (d.mean(axis, keepdims=True) if minus_mean else 0)
                - (n * (d * n).mean(axis, keepdims=True) if minus_n else 0)
            )
            grad = grad / np.sqrt(x.var(-1, keepdims=True) + 1e-5) if root else grad
            over = tuple(range(x.ndim - 1))
            of_gain = {"n": (g * n), "x": g * x, "d": d * n, "g": g}[gain_of].sum(over)
            return grad, of_gain, g.sum(over)

        return fn

    inputs = matrices("BW", "W", "W", max_side=4, zero=False).map(
        lambda d: (d[0] + np.linspace(0, 2, d[0].shape[1]), d[1], d[2])
    )
    check_rule(
        layer_norm,
        m.layer_norm_rule,
        inputs,
        reference=rule(),
        mistakes=[
            Mistake("as-constants", "mean and variance are treated as constants; they depend on x, and take two parts away", rule(minus_mean=False, minus_n=False)),
            Mistake("mean-missing", "mean(d) is not subtracted", rule(minus_mean=False)),
            Mistake("variance-missing", "n * mean(d * n) is not subtracted", rule(minus_n=False)),
            Mistake("root-missing", "the division by the root is missing", rule(root=False)),
            Mistake("wrong-axis", "the means must go over the last axis, those of each vector", rule(axis=0)),
            Mistake("whole-array", "the means must be those of each vector: axis=-1, keepdims=True", rule(axis=None)),
            Mistake("gain-missing", "d = g * gain must be used for x, not g", rule(with_gain=False)),
            Mistake("gain-of-input", "gain multiplies n, not x: its gradient is g * n", rule(gain_of="x")),
            Mistake("gain-twice", "the gradient of gain is g * n; d has gain in it already", rule(gain_of="d")),
            Mistake("gain-alone", "the gradient of gain is g times n; n is missing", rule(gain_of="g")),
            Mistake("not-summed", "gain serves all vectors: sum over all axes but the last, as unbroadcast does",
                    lambda g, x, gain, bias: (rule()(g, x, gain, bias)[0], g * normalized(x), g.sum(tuple(range(x.ndim - 1))))),
        ],
    )  # fmt: skip


def _check_gelu(m: Any) -> None:
    c = np.sqrt(2 / np.pi)

    def rule(
        first: bool = True,
        second: bool = True,
        inner: bool = True,
        cube: float = 3.0,
        square: bool = True,
        scale: float = c,
        half: float = 0.5,
        exponent: int = 2,
        x_first: bool = True,
    ) -> Any:
        def fn(g: Any, x: Any) -> Any:
            t = np.tanh(c * (x + 0.044715 * x**3))
            du = scale * (1 + cube * 0.044715 * x**exponent) if inner else 1.0
            through = half * (x if x_first else 1) * (1 - (t**2 if square else t)) * du
            return g * ((0.5 * (1 + t) if first else 0) + (through if second else 0))

        return fn

    check_rule(
        gelu,
        m.gelu_rule,
        [arrays(shapes(max_dims=2))],
        mistakes=[
            Mistake("second-missing", "the product rule has two parts: x / 2 times the derivative of the bracket is missing", rule(second=False)),
            Mistake("first-missing", "the product rule has two parts: 1/2 times the bracket is missing", rule(first=False)),
            Mistake("inner-missing", "the chain rule: du/dx is missing", rule(inner=False)),
            Mistake("factor-missing", "du/dx begins with the factor C", rule(scale=1.0)),
            Mistake("half-missing", "the second part is x / 2 times the derivative of the bracket: the 1/2 is missing", rule(half=1.0)),
            Mistake("power", "the derivative of x ** 3 is 3 x ** 2: the 3 is missing", rule(cube=1.0)),
            Mistake("power", "the derivative of x ** 3 is 3 x ** 2: the factor is 3, not 2", rule(cube=2.0)),
            Mistake("power", "the derivative of x ** 3 is 3 x ** 2: x is not squared", rule(exponent=1)),
            Mistake("power", "the derivative of x ** 3 is 3 x ** 2: the exponent must become 2", rule(exponent=3)),
            Mistake("x-missing", "the second part is x / 2 times the derivative of the bracket: the x is missing", rule(x_first=False)),
            Mistake("square-missing", "the derivative of tanh is 1 - t ** 2, with the square", rule(square=False)),
            Mistake("upstream-ignored", "g is ignored", lambda g, x: rule()(np.ones_like(g), x)),
            Mistake("as-relu", "this is the rule of ReLU", lambda g, x: g * (x > 0)),
        ],
    )  # fmt: skip


def _check_mask(m: Any) -> None:
    check_function(
        m.causal_mask,
        causal,
        [st.integers(1, 5)],
        mistakes=[
            Mistake("upside-down", "this lets each token see what comes after it: the triangle is the upper one", lambda n: causal(n).T),
            Mistake("self-missing", "a token may look at itself: the diagonal is True", lambda n: np.tril(np.ones((n, n), bool), -1)),
            Mistake("inverted", "True and False are swapped: True is where it may look", lambda n: ~causal(n)),
            Mistake("one-ahead", "each token sees one token of the future", lambda n: np.tril(np.ones((n, n), bool), 1)),
            Mistake("all", "everything is visible", lambda n: np.ones((n, n), bool)),
            Mistake("diagonal-only", "each token sees only itself", lambda n: np.eye(n, dtype=bool)),
        ],
    )  # fmt: skip
    mask = m.causal_mask(3)
    if getattr(mask, "dtype", None) != np.dtype(bool):
        kind = getattr(mask, "dtype", type(mask).__name__)
        raise CheckFailed("causal_mask must return an array of True and False.", kind="type", hint="not-boolean",
                          shown=["causal_mask(3)", f"expected an array of bool, got {kind}"],
                          cause="of numbers, ~mask does not swap True and False: give np.ones dtype=bool, or compare")  # fmt: skip
    squares = st.integers(1, 3).flatmap(
        lambda n: st.tuples(arrays(st.sampled_from([(n, n), (2, n, n)])), st.just(causal(n)))
    )
    check_function(
        m.masked,
        masked,
        squares,
        mistakes=[
            Mistake("zero", "0 is a score like any other: it gets a weight; -inf gets none", lambda s, k: np.where(k, s, 0.0)),
            Mistake("inverted", "the wrong ones are masked: keep the score where mask is True", lambda s, k: np.where(k, -np.inf, s)),
            Mistake("multiplied", "the mask is a factor here, which makes 0 of a score; -inf is asked for", lambda s, k: s * k),
            Mistake("plus-infinity", "the sign: minus infinity", lambda s, k: np.where(k, s, np.inf)),
            Mistake("not-infinite", "a large negative number is not -inf: exactly 0 is asked for", lambda s, k: np.where(k, s, -1e9)),
            Mistake("nan", "0 * inf is nan; choose with np.where", lambda s, k: s + np.where(k, 0.0, 1.0) * -np.inf),
        ],
    )  # fmt: skip


@st.composite
def _queries(draw: st.DrawFn, batch: tuple[int, ...] = ()) -> tuple[Any, ...]:
    n, d, e = (draw(st.integers(1, 3)) for _ in range(3))
    kind = draw(st.sampled_from(["plain", "causal", "cross"]))
    m = draw(st.integers(1, 3)) if kind == "cross" else n
    mask = causal(n) if kind == "causal" else None
    # The ends of larger arrays: when n becomes smaller, no other number changes, and so a failing input stays one.
    q, k, v = (draw(arrays((*batch, 3, 3), low=-2, high=2)) for _ in range(3))
    q, k, v = (x[..., -rows:, -columns:].copy() for x, rows, columns in ((q, n, d), (k, m, d), (v, m, e)))
    return q, k, v, {"mask": mask}


BATCHES = ((), (2,))  # first without one: what is wrong there is easier to read


def _swap(x: Any) -> Any:
    return x.swapaxes(-1, -2)


def _check_attention(m: Any) -> None:
    def variant(scale: Any = "root", mask_late: bool = False, axis: int = -1, use_mask: bool = True) -> Any:
        def fn(q: Any, k: Any, v: Any, mask: Any = None) -> Any:
            d = q.shape[-1]
            scores = (
                q
                @ _swap(k)
                / {
                    "root": np.sqrt(d),
                    "d": d,
                    "none": 1.0,
                    "times": 1 / np.sqrt(d),
                    "length": np.sqrt(len(q)),
                    "m": np.sqrt(k.shape[-2]),
                }[scale]
            )
            scores = masked(scores, mask if use_mask else None)
            return (softmax(scores) if axis == -1 else _swap(softmax(_swap(scores)))) @ v

        return fn

    mistakes = [
        Mistake("not-scaled", "the scores are not divided by sqrt(d): softmax becomes too sure", variant("none")),
        Mistake("scaled-by-d", "the scores are divided by d, not by its square root", variant("d")),
        Mistake("multiplied", "the scores are multiplied by sqrt(d); divide", variant("times")),
        Mistake(
            "length", "len(q) is the size of the first axis; d, the size of a query, is q.shape[-1]", variant("length")
        ),
        Mistake("scaled-by-keys", "d is the size of a query, q.shape[-1], not the number of keys", variant("m")),
        Mistake(
            "wrong-axis",
            "the weights of each query must sum up to 1: softmax along the keys, the last axis",
            variant(axis=-2),
        ),
        Mistake("mask-ignored", "the mask is not used", variant(use_mask=False)),
    ]

    def of_weights(mistake: Mistake) -> Mistake:
        return Mistake(mistake.hint, mistake.cause, lambda q, k, mask=None: mistake.fn(q, k, np.eye(k.shape[-2]), mask))

    transposed = Mistake(
        "all-transposed",
        "k.T turns round all axes, those of the batch too; k.swapaxes(-1, -2) leaves the batch alone",
        lambda q, k, mask=None: softmax(masked(q @ k.T / np.sqrt(q.shape[-1]), mask)),
    )
    exchanged = Mistake(
        "roles-swapped",
        "a row of scores belongs to a query, not to a key: q comes first, then k transposed",
        lambda q, k, mask=None: softmax(masked(k @ _swap(q) / np.sqrt(q.shape[-1]), mask)),
    )
    for batch in BATCHES:
        check_function(
            m.attention_weights,
            lambda q, k, mask=None: attention(q, k, np.eye(k.shape[-2]), mask),
            _queries(batch).map(lambda d: (d[0], d[1], d[3])),
            draws=25,
            names=("q", "k", "mask"),
            mistakes=[transposed, exchanged, *map(of_weights, mistakes)],
        )
        check_function(
            m.attention,
            attention,
            _queries(batch),
            draws=25,
            names=("q", "k", "v", "mask"),
            mistakes=[
                *mistakes,
                Mistake("weights-alone", "these are the weights; multiply them by v", lambda q, k, v, mask=None: attention(q, k, np.eye(k.shape[-2]), mask)),
                Mistake("mask-ignored", "the mask is not handed on", lambda q, k, v, mask=None: attention(q, k, v)),
                Mistake("keys-for-values", "the keys are summed; the weights belong to the values", lambda q, k, v, mask=None: attention(q, k, k, mask)),
                Mistake("roles-swapped", "q and k are swapped: each query looks at all keys", lambda q, k, v, mask=None: attention(k, q, v, mask)),
                Mistake("transposed", "the weights are transposed before they meet v",
                        lambda q, k, v, mask=None: _swap(attention(q, k, np.eye(k.shape[-2]), mask)) @ v),
            ],
        )  # fmt: skip


def _check_attention_rule(m: Any) -> None:
    def rule(
        through: str = "softmax",
        k_root: bool = True,
        q_root: bool = True,
        masking: bool = True,
        k_turned: bool = True,
        values: bool = True,
    ) -> Any:
        def fn(g: Any, q: Any, k: Any, v: Any, mask: Any = None) -> Any:
            root = np.sqrt(q.shape[-1])
            w = softmax(masked(q @ _swap(k) / root, mask if masking else None))
            u = softmax(masked(q @ _swap(k) / root, mask if values else None))
            gw, gv = g @ _swap(v), _swap(u) @ g
            gs = {
                "softmax": w * (gw - (gw * w).sum(-1, keepdims=True)),
                "nothing": gw,
                "diagonal": gw * w * (1 - w),
                "weights": w * gw,
                "of weights": softmax(w) * (gw - (gw * softmax(w)).sum(-1, keepdims=True)),
            }[through]
            gq = gs @ k / (root if q_root else 1)
            gk = (_swap(gs) @ q if k_turned else gs @ q) / (root if k_root else 1)
            return gq, gk, gv

        return fn

    def swapped(g: Any, q: Any, k: Any, v: Any, mask: Any = None) -> Any:
        gq, gk, gv = rule()(g, q, k, v, mask)
        return gk, gq, gv

    for batch in BATCHES:
        check_rule(
            attention,
            m.attention_rule,
            _queries(batch),
            reference=rule(),
            draws=20,
            mistakes=[
                Mistake("softmax-missing", "the gradient must go through softmax: softmax_rule(grad_w, scores)", rule("nothing")),
                Mistake("of-weights", "softmax_rule is given the scores, not the weights", rule("of weights")),
                Mistake("diagonal", "softmax has more than a diagonal: use softmax_rule", rule("diagonal")),
                Mistake("sum-missing", "in the softmax part, the weighted mean is not subtracted", rule("weights")),
                Mistake("root-missing", "the scores were divided by the root: divide the gradients of q and k too", rule(k_root=False, q_root=False)),
                Mistake("root-missing", "the gradient of k must be divided by the root too", rule(k_root=False)),
                Mistake("root-missing", "the gradient of q must be divided by the root too", rule(q_root=False)),
                Mistake("mask-ignored", "softmax_rule must get the masked scores", rule(masking=False)),
                Mistake("mask-ignored", "the weights for the gradient of v must be masked too: attention_weights(q, k, mask)", rule(values=False)),
                Mistake("mask-ignored", "the mask is not used at all", rule(masking=False, values=False)),
                Mistake("not-transposed", "the gradient of k^T must be transposed back", rule(k_turned=False)),
                Mistake("swapped", "the gradients of q and k are swapped", swapped),
            ],
        )  # fmt: skip


@st.composite
def _wide(draw: st.DrawFn) -> tuple[Any, ...]:
    heads, size, n = (draw(st.integers(1, 3)) for _ in range(3))
    batch = draw(shapes(max_dims=1, max_side=2))
    return draw(arrays((*batch, n, heads * size))), {"heads": heads}


def _check_heads(m: Any) -> None:
    def reshaped(x: Any, heads: int) -> Any:
        *batch, n, width = x.shape
        return x.reshape(*batch, heads, n, width // heads)

    def size_first(x: Any, heads: int) -> Any:
        *batch, n, width = x.shape
        return np.moveaxis(x.reshape(*batch, n, width // heads, heads), -1, -3)

    def not_swapped(x: Any, heads: int) -> Any:
        *batch, n, width = x.shape
        return x.reshape(*batch, n, heads, width // heads)

    reshape_hint = "a reshape alone mixes up tokens and heads: reshape to (n, heads, size), then swap two axes"
    split_mistakes = [
        Mistake("reshape-alone", reshape_hint, reshaped),
        Mistake(
            "size-first",
            "each head gets every other number; it must get numbers that stand together: (n, heads, size)",
            size_first,
        ),
        Mistake("not-swapped", "heads must come before tokens: swapaxes(-2, -3)", not_swapped),
        Mistake("unchanged", "x comes out as it went in", lambda x, heads: x),
    ]
    with explaining(
        (
            "'float' object cannot be interpreted",
            "floor",
            "`/` makes a float, and a size is a whole number: width // heads",
        )
    ):
        check_function(m.split_heads, split_heads, _wide(), mistakes=split_mistakes)
    several = _wide().map(lambda d: (split_heads(d[0], d[1]["heads"]),))
    merge_mistakes = [
        Mistake("reshape-alone", "a reshape alone mixes up tokens and heads: swap the axes back first",
                lambda x: x.reshape(*x.shape[:-3], x.shape[-2], x.shape[-3] * x.shape[-1])),
        Mistake("size-first", "swap heads and tokens, not heads and size",
                lambda x: np.moveaxis(x, -3, -1).reshape(*x.shape[:-3], x.shape[-2], -1)),
        Mistake("not-merged", "heads and size must become one axis", lambda x: x.swapaxes(-2, -3)),
    ]  # fmt: skip
    check_function(m.merge_heads, merge_heads, several, mistakes=merge_mistakes)
    check_rule(split_heads, m.split_rule, _wide(), mistakes=[
        Mistake("forward", "this splits again; the way back is merge", lambda g, x, heads: split_heads(merge_heads(g), heads)),
        Mistake("reshape-alone", "a reshape alone mixes up tokens and heads; merge_heads is the way back", lambda g, x, heads: g.reshape(x.shape)),
        Mistake("unchanged", "g must be merged", lambda g, x, heads: g),
    ])  # fmt: skip
    check_rule(merge_heads, m.merge_rule, several, mistakes=[
        Mistake("reshape-alone", "a reshape alone mixes up tokens and heads; split_heads is the way back", lambda g, x: g.reshape(x.shape)),
        Mistake("unchanged", "g must be split", lambda g, x: g),
        Mistake("wrong-size", "how many heads? x has (..., heads, n, size): x.shape[-3]", lambda g, x: split_heads(g, x.shape[-1])),
        Mistake("wrong-size", "how many heads? x has (..., heads, n, size): x.shape[-3], not x.shape[-2]", lambda g, x: split_heads(g, x.shape[-2])),
    ])  # fmt: skip


EXERCISES = [
    Exercise(
        "8.1", "ch8_transformer/ex1_bpe.py", _check_bpe,
        title="Tokens: byte-pair encoding",
        solution=("counts[pair] = counts.get(pair, 0) + 1", "found = tuple(ids[k : k + 2]) == pair"),
        hints=(
            "Which pairs does [1, 2, 1, 2] have, and how often each?",
            "counts.get(pair, 0) is what was counted so far. A slice of two tokens, as a tuple, can be compared with pair.",
            "counts[pair] = counts.get(pair, 0) + 1; found = tuple(ids[k : k + 2]) == pair.",
        ),
        meaning="GPT-2's 50,257 tokens are 256 bytes, 50,000 such merges, and one sign for the end.",
        engine="transformer/tokenizer/merges.py:learn_merges",
        another="collections.Counter(zip(ids, ids[1:])).most_common(1)",
    ),
    Exercise(
        "8.2", "ch8_transformer/ex2_embed.py", _check_embed,
        title="Embedding",
        solution=("return tokens[ids] + places[: ids.shape[1]]", "grad_places[: g.shape[1]] = g.sum(axis=0)"),
        hints=(
            "What shapes have tokens[ids] and the first n rows of places? How do they broadcast?",
            "ids.shape[1] is n. Backward, the n rows of places get the sum of g over the batch.",
            "grad_places[: g.shape[1]] = g.sum(axis=0).",
        ),
        meaning="Without places, a transformer could not tell a sentence from the same words shuffled.",
        engine="transformer/embedding.py:Embedding",
        another="one_hot(ids) @ tokens               # the lookup as a matrix product",
    ),
    Exercise(
        "8.3", "ch8_transformer/ex3_layer_norm.py", _check_layer_norm,
        title="Layer norm",
        solution=(
            "return (x - x.mean(axis=-1, keepdims=True)) / np.sqrt(x.var(axis=-1, keepdims=True) + EPS)",
            "grad_x = (d - d.mean(axis=-1, keepdims=True) - n * (d * n).mean(axis=-1, keepdims=True)) / root",
            "grad_gain = unbroadcast(g * n, gain.shape)",
        ),
        hints=(
            "If all numbers of a vector grow by 1, what becomes of its layer norm? So what must the sum of its gradient be?",
            "Every mean and var: axis=-1, keepdims=True. The gradient of gain is that of a product: g * n, summed.",
            "grad_x has three parts, d, its mean, and n times the mean of d * n; all divided by root.",
        ),
        meaning="The gradient has no part along (1, 1, ..., 1) and none along n: moving there changes nothing.",
        engine="tinygrad_lecture/ops/fused.py:layer_norm",
        another="Write it as mean, subtraction, square, mean, root, division: your engine finds the same gradient.",
        race=race("layer_norm_rule", lambda x, gain, bias: tl.layer_norm(x, gain, bias), *normal((256, 64), (64,), (64,)), of="256 vectors of 64"),
    ),
    Exercise(
        "8.4", "ch8_transformer/ex4_gelu.py", _check_gelu,
        title="GELU",
        solution="""
            du = C * (1 + 3 * 0.044715 * x**2)
            return g * (0.5 * (1 + t) + 0.5 * x * (1 - t**2) * du)
        """,
        hints=(
            "gelu is a product of x / 2 and a bracket. What does the product rule say?",
            "One part: 1/2 * (1 + t). The other: x / 2 times the derivative of t, which is (1 - t**2) * du/dx.",
            "g * (0.5 * (1 + t) + 0.5 * x * (1 - t**2) * du), with du as above.",
        ),
        meaning="For negative x a little gradient gets through: a GELU cannot die as a ReLU can.",
        engine="tinygrad_lecture/ops/fused.py:gelu",
        another="x times the probability that a normal random number is below x: tl.gelu(x) without approximation",
        race=race("gelu_rule", lambda x: tl.gelu(x, approximate="tanh"), normal((10_000,))[0], of="10,000 numbers"),
    ),
    Exercise(
        "8.5", "ch8_transformer/ex5_mask.py", _check_mask,
        title="The causal mask",
        solution=("return np.tril(np.ones((n, n), dtype=bool))", "return np.where(mask, scores, -np.inf)"),
        hints=(
            "Row 2 is the third token. Which columns may it see?",
            "np.tril keeps the lower triangle of a matrix. np.where(condition, a, b) chooses.",
            "np.tril(np.ones((n, n), dtype=bool)); np.where(mask, scores, -np.inf).",
        ),
        meaning="With the mask, one pass through a text trains every place of it at once to predict the next token.",
        engine="transformer/attention.py",
        another="np.arange(n)[:, None] >= np.arange(n)",
    ),
    Exercise(
        "8.6", "ch8_transformer/ex6_attention.py", _check_attention,
        title="Attention",
        solution=("scores = q @ k.swapaxes(-1, -2) / np.sqrt(q.shape[-1])", "return attention_weights(q, k, mask) @ v"),
        hints=(
            "scores has a row for each query and a column for each key. What is scores[t, s]?",
            "k must be transposed, only its last two axes. d is q.shape[-1].",
            "q @ k.swapaxes(-1, -2) / np.sqrt(q.shape[-1]); then the weights @ v.",
        ),
        meaning="Nothing is selected: each token gets a mixture of all values, and the mixture is learnt.",
        engine="transformer/attention.py:scaled_dot_product_attention",
        another='np.einsum("...nd,...md->...nm", q, k)',
    ),
    Exercise(
        "8.7", "ch8_transformer/ex7_attention_rule.py", _check_attention_rule,
        title="The rule of attention",
        solution=(
            "grad_w, grad_v = matmul_rule(g, attention_weights(q, k, mask), v)",
            "grad_scores = softmax_rule(grad_w, scores)",
            """
            grad_q, grad_k_T = matmul_rule(grad_scores / root, q, k_T)
            grad_k = grad_k_T.swapaxes(-1, -2)
            """,
        ),
        hints=(
            "Three steps forward; which comes first on the way back?",
            "matmul_rule(g, w, v), then softmax_rule(grad_w, scores), then matmul_rule(... / root, q, k_T).",
            "The last gives grad_q and the gradient of k^T; its swapaxes(-1, -2) is grad_k.",
        ),
        meaning="A rule of a large piece is a few rules of small ones, backwards. That is all an engine does.",
        engine="tinygrad_lecture/ops/fused.py:attention",
        another="Record the three steps as Tensors: backward does it for you, and keeps more arrays.",
    ),
    Exercise(
        "8.8", "ch8_transformer/ex8_heads.py", _check_heads,
        title="Heads, split and merged",
        solution=(
            "return x.reshape(*batch, n, heads, width // heads).swapaxes(-2, -3)",
            "return x.swapaxes(-2, -3).reshape(*batch, n, heads * size)",
            "return merge_heads(g)",
            "return split_heads(g, x.shape[-3])",
        ),
        hints=(
            "n = 2 tokens [a b c d] and [e f g h], 2 heads. Which numbers belong to head 0?",
            "reshape(*batch, n, heads, width // heads), then swapaxes(-2, -3). merge does both backwards.",
            "split_rule is merge_heads(g), merge_rule split_heads(g, how many heads x has).",
        ),
        meaning="Heads cost nothing: the same products, cut into parts. GPT-3 has 96 in each of 96 layers.",
        engine="transformer/attention.py:MultiHeadAttention",
        another='einops writes it as "b n (h d) -> b h n d"',
    ),
]  # fmt: skip
