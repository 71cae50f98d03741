"""Chapter 6: learning."""

from wrong_answers import wrong

LAYER = "x = record(add, add_rule, record(matmul, matmul_rule, x, W), b)\n"
M = "m = beta1 * m + (1 - beta1) * grad\nv = beta2 * v + (1 - beta2) * grad**2\n"
WRONG = [
    wrong("6.1", "for _ in range(steps):\n    x = x + lr * gradient(x)", hint="uphill"),
    wrong("6.1", "for _ in range(steps):\n    x -= lr * gradient(x)", hint="input-modified"),
    wrong("6.1", "slope = gradient(x)\nfor _ in range(steps):\n    x = x - lr * slope", hint="same-gradient"),
    wrong("6.1", "x = x - lr * gradient(x)", hint="one-step"),
    wrong("6.1", "for _ in range(steps):\n    x = x - gradient(x)", hint="rate-missing"),
    wrong("6.1", "for _ in range(1, steps):\n    x = x - lr * gradient(x)", hint="one-less"),
    wrong("6.1", "while steps:\n    x = x - lr * gradient(x)", hint="endless"),
    wrong("6.1", "for _ in range(steps):\n    step = lr * gradient(x)\n    if abs(step).max() < 1e-3:\n        break\n    x = x - step",
          hint="early-end"),
    wrong("6.1", "for _ in range(steps):\n    step = lr * gradient(x)\n    x = x - step\n    if abs(step).max() < 1e-1:\n        break",
          hint="early-end"),
    wrong("6.2", "return [np.arange(s, min(s + size, n)) for s in range(0, n, size)]", hint=("name",)),
    wrong("6.2", "return [list(range(s, min(s + size, n))) for s in range(0, n, size)]", hint="not-shuffled"),
    wrong("6.2", "order = rng.permutation(n)\nreturn [order[s : s + size] for s in range(0, n - size + 1, size)]", hint="last-missing"),
    wrong("6.2", "return [rng.integers(0, n, size) for _ in range(0, n, size)]", hint=("missing", "last-missing", "twice")),
    wrong("6.2", "order = rng.permutation(n)\nreturn [order[s : s + size] for s in range(n)]", hint="twice"),
    wrong("6.2", "order = rng.permutation(n)\nreturn [order[k::size] for k in range(size)]", hint="sizes"),
    wrong("6.2", "import random\norder = list(range(n))\nrandom.shuffle(order)\nreturn [order[s : s + size] for s in range(0, n, size)]",
          hint="own-random"),
    wrong("6.3", "w = w - lr * v\nv = beta * v + grad", hint="old-velocity"),
    wrong("6.3", "v = v + grad\nw = w - lr * v", hint="beta-missing"),
    wrong("6.3", "v = beta * v + (1 - beta) * grad\nw = w - lr * v", hint="mean"),
    wrong("6.3", "v = beta * v + grad\nw = w + lr * v", hint="uphill"),
    wrong("6.3", "v *= beta\nv += grad\nw = w - lr * v", hint="input-modified"),
    wrong("6.3", "v = beta * v - grad\nw = w - lr * v", hint="velocity-sign"),
    wrong("6.3", "v = beta * v + lr * grad\nw = w - v", hint="rate-in-velocity"),
    wrong("6.4", M + "w = w - lr * (m / (1 - beta1**t)) / np.sqrt(v / (1 - beta2**t)) + eps", hint="eps-of-step"),
    wrong("6.4", M + "w = w - lr * (m / (1 - beta1**t)) / (np.sqrt(v) / (1 - beta2**t) + eps)", hint="root-first"),
    wrong("6.4", M + "w = w - lr * (m / (1 - beta1)) / (np.sqrt(v / (1 - beta2)) + eps)", hint="t-missing"),
    wrong("6.4", M.replace("(1 - beta1) * grad", "1 - beta1 * grad")
          + "w = w - lr * (m / (1 - beta1**t)) / (np.sqrt(v / (1 - beta2**t)) + eps)", hint=("brackets", "not-finite")),
    wrong("6.4", M + "w = w - lr * m / (np.sqrt(v) + eps)", hint="no-correction"),
    wrong("6.4", M + "t = t + 1\nw = w - lr * (m / (1 - beta1**t)) / (np.sqrt(v / (1 - beta2**t)) + eps)", hint="one-more"),
    wrong("6.4", M + "w = w - lr * (m / (1 - beta1**t)) / (v / (1 - beta2**t) + eps)", hint="root-missing"),
    wrong("6.4", M + "w = w - lr * (m / (1 - beta1**t)) / np.sqrt(v / (1 - beta2**t) + eps)", hint="eps-inside"),
    wrong("6.4", M + "m = m / (1 - beta1**t)\nv = v / (1 - beta2**t)\nw = w - lr * m / (np.sqrt(v) + eps)", hint="corrected-kept"),
    wrong("6.4", M.replace("**2", "") + "w = w - lr * (m / (1 - beta1**t)) / (np.sqrt(v / (1 - beta2**t)) + eps)",
          hint=("square-missing", "not-finite")),
    wrong("6.4", M + "w = w - lr * (m / (1 - beta1 * t)) / (np.sqrt(v / (1 - beta2 * t)) + eps)", hint=("times-t", "not-finite")),
    wrong("6.5", LAYER + "x = record(relu, relu_rule, x)", None, hint="last-relu"),
    wrong("6.5", LAYER, None, hint="no-relu"),
    wrong("6.5", LAYER + "x = record(relu, relu_rule, x)\nreturn x", None, hint="one-layer"),
    wrong("6.5", "x = x @ W + b", None, hint="not-recorded"),
    wrong("6.5", "record(add, add_rule, record(matmul, matmul_rule, x, W), b)", None, hint=("unchanged",),
          misjudged="the second layer meets the x of the first; only the shapes are named"),
    wrong("6.5", "x = record(matmul, matmul_rule, x, W)\nif k + 2 < len(parameters):\n    x = record(relu, relu_rule, x)", None,
          hint="bias-missing"),
    wrong("6.5", None, "backward(loss)", hint="not-updated"),
    wrong("6.5", None, "backward(loss)\nfor k, p in enumerate(parameters[:2]):\n"
          "    p.data, *state[k] = adam_step(p.data, p.grad, *state[k], t, lr=lr)", hint="some-not-updated"),
    wrong("6.5", None, "backward(loss)\nfor k, p in enumerate(parameters):\n"
          "    p.data, *state[k] = adam_step(p.data, -p.grad, *state[k], t, lr=lr)", hint="uphill"),
    wrong("6.5", None, "for k, p in enumerate(parameters):\n"
          "    p.data, *state[k] = adam_step(p.data, p.grad, *state[k], t, lr=lr)", hint=("not-updated", "uphill", None)),
]  # fmt: skip
