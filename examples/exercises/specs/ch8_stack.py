"""Chapter 8, second part: self-attention, FFN, block, unembedding; functions of the learner's Tensors."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from tinygrad_lecture.testing import Exercise, Mistake, check_function, matrices

from .shared import tensors as right
from .shared.models import as_tensors, block_arrays, check_tensors, tensor_class


def _setting(m: Any, width: int = 4) -> tuple[Any, Any, Any, Any]:
    """Arrays x and p, and the same as Tensors."""
    rng = np.random.default_rng(3)
    x, p = rng.standard_normal((2, 3, width)), block_arrays(width, rng)
    make = tensor_class(m)
    return x, p, make(x), as_tensors(p, make)


def _check_self_attention(m: Any) -> None:
    x, p, tx, tp = _setting(m)
    used = {"x": tx, **{name: tp[name] for name in ("W_Q", "W_K", "W_V", "W_O")}}

    def with_(**names: str) -> Any:
        return right.self_attention(x, {**p, **{k: p[v] for k, v in names.items()}}, 2)

    q, k, v = (right.split_heads(x @ p[name], 2) for name in ("W_Q", "W_K", "W_V"))
    mixed = right.attention(q, k, v, right.causal(3))
    check_tensors(
        m, "self_attention", lambda: m.self_attention(tx, tp, 2), lambda: right.self_attention(x, p, 2), used,
        ["self_attention(x, p, heads=2), x of shape (2, 3, 4)"],
        [
            Mistake("mask-missing", "there is no causal mask: give record mask=mask", lambda: right.self_attention(x, p, 2, mask=False)),
            Mistake("output-missing", "the last product with W_O is missing", lambda: right.merge_heads(mixed)),
            Mistake("roles-swapped", "W_Q and W_K are swapped", lambda: with_(W_Q="W_K", W_K="W_Q")),
            Mistake("values-for-keys", "W_K and W_V are exchanged: keys first, then values", lambda: with_(W_K="W_V", W_V="W_K")),
            Mistake("keys-for-values", "the values come from W_K; they have a matrix of their own, W_V", lambda: with_(W_V="W_K")),
            Mistake("queries-for-all", "queries, keys and values come all from W_Q", lambda: with_(W_K="W_Q", W_V="W_Q")),
            Mistake("not-merged", "a reshape mixes up heads and tokens: record merge_heads", lambda: mixed.reshape(2, 3, 4) @ p["W_O"]),
        ],
    )  # fmt: skip


def _check_ffn(m: Any) -> None:
    x, p, tx, tp = _setting(m)
    rng = np.random.default_rng(4)
    make = tensor_class(m)
    W, b = rng.standard_normal((4, 3)), rng.standard_normal(3)
    tW, tb = make(W), make(b)
    check_tensors(
        m, "linear", lambda: m.linear(tx, tW, tb), lambda: x @ W + b, {"x": tx, "W": tW, "b": tb}, ["linear(x, W, b)"],
        [Mistake("bias-missing", "the bias is not added", lambda: x @ W)],
    )  # fmt: skip
    used = {"x": tx, **{name: tp[name] for name in ("W1", "b1", "W2", "b2")}}
    hidden = x @ p["W1"] + p["b1"]
    check_tensors(
        m, "ffn", lambda: m.ffn(tx, tp), lambda: right.ffn(x, p), used, ["ffn(x, p), x of shape (2, 3, 4)"],
        [
            Mistake("no-gelu", "there is no GELU: then two layers are no more than one", lambda: hidden @ p["W2"] + p["b2"]),
            Mistake("last-gelu", "GELU stands between the two layers, not after the second", lambda: right.gelu(hidden @ p["W2"] + p["b2"])),
            Mistake("gelu-twice", "GELU stands between the two layers only", lambda: right.gelu(right.gelu(hidden) @ p["W2"] + p["b2"])),
            Mistake("residual", "x is added already; the block of 8.11 does that", lambda: x + right.ffn(x, p)),
        ],
    )  # fmt: skip


def _check_block(m: Any) -> None:
    x, p, tx, tp = _setting(m)

    def norm(x: Any, k: int) -> Any:
        return right.layer_norm(x, p[f"gain{k}"], p[f"bias{k}"])

    attended = x + right.self_attention(norm(x, 1), p, 2)
    check_tensors(
        m, "block", lambda: m.block(tx, tp, 2), lambda: right.block(x, p, 2), {"x": tx, **tp},
        ["block(x, p, heads=2), x of shape (2, 3, 4)"],
        [
            Mistake("residual-missing", "nothing is added to x: the residual connections are missing",
                    lambda: right.ffn(norm(right.self_attention(norm(x, 1), p, 2), 2), p)),
            Mistake("residual-missing", "the second residual connection is missing: x + ffn(...)", lambda: right.ffn(norm(attended, 2), p)),
            Mistake("residual-missing", "the first residual connection is missing: x + self_attention(...)",
                    lambda: (y := right.self_attention(norm(x, 1), p, 2)) + right.ffn(norm(y, 2), p)),
            Mistake("norm-missing", "there is no layer norm", lambda: (y := x + right.self_attention(x, p, 2)) + right.ffn(y, p)),
            Mistake("norm-missing", "there is no layer norm before the FFN", lambda: attended + right.ffn(attended, p)),
            Mistake("old-x", "the second sum adds to the x of the beginning; it must add to what attention has made", lambda: x + right.ffn(norm(attended, 2), p)),
            Mistake("norm-after", "layer norm comes before each part, not after the sum",
                    lambda: norm((y := norm(x + right.self_attention(x, p, 2), 1)) + right.ffn(y, p), 2)),
            Mistake("old-x", "both parts get the x of the beginning; the second must get what the first has made", lambda: attended + right.ffn(norm(x, 2), p)),
            Mistake("same-norm", "the second norm has its own gain2 and bias2", lambda: attended + right.ffn(norm(attended, 1), p)),
            Mistake("ffn-missing", "the FFN is missing", lambda: attended),
            Mistake("normed-stream", "the normed x is added; add x itself: the stream is not normed",
                    lambda: (y := norm(x, 1) + right.self_attention(norm(x, 1), p, 2)) + right.ffn(norm(y, 2), p)),
        ],
    )  # fmt: skip


def _check_unembed(m: Any) -> None:
    inputs = st.tuples(matrices("w", "wv", low=-2, high=2), st.sampled_from([1.0, 0.5, 2.0])).map(
        lambda d: (*d[0], d[1])
    )
    check_function(
        m.next_probabilities,
        lambda vector, W_U, temperature=1.0: right.softmax(vector @ W_U / temperature),
        inputs,
        mistakes=[
            Mistake("temperature-ignored", "the temperature is not used", lambda x, W, T: right.softmax(x @ W)),
            Mistake("multiplied", "the scores are multiplied by the temperature; divide", lambda x, W, T: right.softmax(x @ W * T)),
            Mistake("after-softmax", "the temperature comes before softmax; after it, they no longer sum up to 1", lambda x, W, T: right.softmax(x @ W) / T),
            Mistake("after-softmax", "the temperature divides the scores, before softmax", lambda x, W, T: right.softmax(x @ W) * T),
            Mistake("scores", "these are scores; softmax is missing", lambda x, W, T: x @ W / T),
            Mistake("vector-scaled", "softmax is taken of the vector; the scores are vector @ W_U", lambda x, W, T: right.softmax(x / T) @ W),
        ],
    )  # fmt: skip

    def variant(choose: Any, of: Any = lambda p, order: p) -> Any:
        """top_p that keeps other places. choose: from p, the order, the sums before each, and the limit, to places."""

        def fn(p: Any, limit: Any) -> Any:
            order = np.argsort(-p, kind="stable")
            chosen = choose(p, order, np.cumsum(p[order]) - p[order], limit)
            kept = np.zeros_like(p)
            kept[chosen] = of(p, order)[chosen]
            return kept / kept.sum()

        return fn

    reached = variant(lambda p, order, before, limit: order[before + p[order] <= limit])
    one_more = variant(lambda p, order, before, limit: order[before <= limit])
    least = variant(lambda p, order, before, limit: p >= limit)
    ties = variant(lambda p, order, before, limit: p >= p[order[before < limit]].min())
    alike = variant(lambda p, order, before, limit: order[before < limit], lambda p, order: np.ones_like(p))
    misplaced = variant(lambda p, order, before, limit: before < limit)
    in_order = variant(lambda p, order, before, limit: before < limit, lambda p, order: p[order])

    unlikely = variant(lambda p, order, before, limit: order[1 - before - p[order] < limit])

    probabilities = st.lists(st.integers(1, 8), min_size=1, max_size=5, unique=True).map(lambda n: np.array(n) / sum(n))
    check_function(
        m.top_p,
        right.top_p,
        [probabilities, st.sampled_from([0.3, 0.55, 0.77, 0.93])],
        examples=[(np.array([0.5, 0.3, 0.15, 0.05]), 0.7), (np.array([0.5, 0.25, 0.25]), 0.5), (np.array([0.25] * 4), 0.5)],
        mistakes=[
            Mistake("one-too-many", "when the sum has reached p, the next one is left out: before < p, not before <= p", one_more),
            Mistake("one-too-few", "the one that reaches p must be kept too: look at the sum before it", reached),
            Mistake("ties-kept", "of equally likely tokens, those after the sum has reached p are left out too: order[before < p]", ties),
            Mistake("as-threshold", "p is no threshold for a single probability, but for their sum", least),
            Mistake("unlikely-kept", "the unlikely ones are kept", unlikely),
            Mistake("alike", "those that are kept keep their probabilities; only the sum changes", alike),
            Mistake("misplaced", "`before` is in sorted order: the places are order[before < p]", misplaced),
            Mistake("sorted", "the result is sorted; each probability belongs to its own place, order[...]", in_order),
            Mistake("nothing-left-out", "nothing is left out", lambda p, limit: p / p.sum()),
        ],
    )  # fmt: skip


EXERCISES = [
    Exercise(
        "8.9", "ch8_transformer/ex9_self_attention.py", _check_self_attention,
        title="Self-attention, on your engine",
        solution=(
            'attended = record(attention, attention_rule, *(project(p[name]) for name in ("W_Q", "W_K", "W_V")), mask=mask)',
            "merged = record(merge_heads, merge_rule, attended)",
            'return record(matmul, matmul_rule, merged, p["W_O"])',
        ),
        hints=(
            "project makes a Tensor of heads. Which three does attention need?",
            'record(attention, attention_rule, project(p["W_Q"]), ..., mask=mask); then merge_heads; then W_O.',
            'record(merge_heads, merge_rule, attended), and record(matmul, matmul_rule, merged, p["W_O"]).',
        ),
        meaning="Who looks at whom is not programmed: it is in three matrices, which are learnt.",
        engine="transformer/attention.py:MultiHeadAttention",
        another="One matrix (width, 3 width) for q, k and v together, as GPT-2 has it.",
    ),
    Exercise(
        "8.10", "ch8_transformer/ex10_ffn.py", _check_ffn,
        title="The feed-forward network",
        solution=(
            "return record(add, add_rule, record(matmul, matmul_rule, x, W), b)",
            """
            hidden = record(gelu, gelu_rule, linear(x, p["W1"], p["b1"]))
            return linear(hidden, p["W2"], p["b2"])
            """,
        ),
        hints=(
            "Which two functions make a layer, and which one stands between two layers?",
            "linear: record add of (record matmul of x and W) and b. ffn: linear, gelu, linear.",
            'hidden = record(gelu, gelu_rule, linear(x, p["W1"], p["b1"])); then linear with W2 and b2.',
        ),
        meaning="Two thirds of a block's parameters are here, one third in its attention.",
        engine="transformer/ffn.py:FeedForward",
        another="nn.Sequential(nn.Linear(w, 4 * w), nn.GELU(), nn.Linear(4 * w, w))",
    ),
    Exercise(
        "8.11", "ch8_transformer/ex11_block.py", _check_block,
        title="A block, with residual connections",
        solution="""
            normed = record(layer_norm, layer_norm_rule, x, p["gain1"], p["bias1"])
            x = record(add, add_rule, x, self_attention(normed, p, heads))
            normed = record(layer_norm, layer_norm_rule, x, p["gain2"], p["bias2"])
            x = record(add, add_rule, x, ffn(normed, p))
        """,
        hints=(
            "In x + ffn(layer_norm(x)), which x is meant: that of the beginning, or that after attention?",
            "Four records: norm, add; norm, add. Each norm has its own gain and bias.",
            'x = record(add, add_rule, x, self_attention(normed, p, heads)), with normed from gain1, bias1.',
        ),
        meaning="Take a block away, and the stream still runs through. That is why 96 of them can be trained.",
        engine="transformer/block.py:Block",
        another="The transformer of 2017 put the norm after the sum; GPT-2 moved it to the front.",
    ),
    Exercise(
        "8.12", "ch8_transformer/ex12_unembed.py", _check_unembed,
        title="From scores to the next token",
        solution=(
            "return softmax(vector @ W_U / temperature)",
            """
            chosen = order[before < p]
            kept[chosen] = probabilities[chosen]
            """,
        ),
        hints=(
            "In the example, which sums stand before each of the four, and which of them are below 0.7?",
            "`before < p` is in sorted order; order[before < p] are the places in the vocabulary.",
            "chosen = order[before < p]; kept[chosen] = probabilities[chosen].",
        ),
        meaning="The model only gives probabilities. How bold it writes, you choose when you draw.",
        engine="transformer/generation/sampling.py:probabilities",
        another="kept[order] = np.where(before < p, probabilities[order], 0)",
    ),
]  # fmt: skip
