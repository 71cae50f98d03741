"""Chapter 9: one's own GPT."""

from wrong_answers import wrong

STEP = "for k, q in enumerate({0}):\n    q.data, *state[k] = adam_step(q.data, {1}q.grad, *state[k], t, lr=lr)"
WRONG = [
    wrong("9.1", None, "block(x, q, heads)", None, None, hint=("no-blocks",)),
    wrong("9.1", None, None, "x = x", None, hint="norm-missing"),
    wrong("9.1", None, 'x = block(x, p["blocks"][0], heads)', None, None, hint="same-block"),
    wrong("9.1", None, None, None, "return x", hint="shape"),
    wrong("9.1", 'x = record(embed, embed_rule, p["places"], p["tokens"], ids=ids)', None, None, None, hint=(None, "raises", "shapes"),
          misjudged="the values are those of another lookup; no cause is named"),
    wrong("9.1", None, None, None, 'return x.data @ p["W_U"].data', hint="type"),
    wrong("9.1", 'x = record(embed, embed_rule, p["tokens"], p["places"], ids)', None, None, None, hint="not-a-tensor"),
    wrong("9.1", None, "x = block(x, p, heads)", None, None, hint="key"),
    wrong("9.2", None, "return record(cross_entropy, cross_entropy_rule, flat, texts[:, 1:].reshape(-1))", None, hint="not-a-tensor"),
    wrong("9.1", "x = embed(p['tokens'], p['places'], ids)", None, None, None, hint="not-recorded"),
    wrong("9.2", None, "return record(cross_entropy, cross_entropy_rule, flat, targets=texts[:, :-1].reshape(-1))", None,
          hint="same-tokens"),
    wrong("9.2", "logits = gpt(p, texts[:, 1:], heads)", "return record(cross_entropy, cross_entropy_rule, flat, "
          "targets=texts[:, :-1].reshape(-1))", None, hint="backwards"),
    wrong("9.2", "logits = gpt(p, texts, heads)", None, None, hint="last-token-read"),
    wrong("9.2", None, None, "backward(loss)", hint="not-updated"),
    wrong("9.2", None, None, "backward(loss)\n" + STEP.format("parameters", "-"), hint="uphill"),
    wrong("9.2", None, None, "backward(loss)\n" + STEP.format("parameters[:3]", ""), hint="some-not-updated"),
    wrong("9.2", None, "return cross_entropy(flat.data, texts[:, 1:].reshape(-1))", None, hint="type"),
    wrong("9.3", "following = softmax(logits[0, -1] / temperature).argmax()", hint="greedy"),
    wrong("9.3", "q = top_p(softmax(logits[0, 0] / temperature), keep)\nfollowing = rng.choice(len(q), p=q)", hint="first-place"),
    wrong("9.3", "q = softmax(logits[0, -1] / temperature)\nfollowing = rng.choice(len(q), p=q)", hint="top-p-missing"),
    wrong("9.3", "q = top_p(softmax(logits[0, -1]), keep)\nfollowing = rng.choice(len(q), p=q)", hint="temperature-ignored"),
    wrong("9.3", "q = top_p(softmax(logits / temperature), keep)\nfollowing = rng.choice(len(q), p=q)", hint=("index", "shapes")),
]  # fmt: skip
