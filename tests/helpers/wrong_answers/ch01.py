"""Chapter 1: a neuron."""

from wrong_answers import wrong

WRONG = [
    wrong("1.1", "return sum(xi * wi for xi, wi in zip(x, w))", hint="bias-missing"),
    wrong("1.1", "return sum(xi * wi + b for xi, wi in zip(x, w))", hint="bias-each"),
    wrong("1.1", "return sum(x) * sum(w) + b", hint="product-of-sums"),
    wrong("1.1", "return sum(xi + wi for xi, wi in zip(x, w)) + b", hint="not-multiplied"),
    wrong("1.1", "for xi, wi in zip(x, w):\n    return xi * wi + b", hint="first-only"),
    wrong("1.1", "return x * w + b", hint="raises"),
    wrong("1.1", "sum(xi * wi for xi, wi in zip(x, w)) + b", hint="nothing"),
    wrong("1.1", "return sum(xi * wi for xi, wi in zip(x, w)) - b", hint="bias-sign"),
    wrong("1.1", "for i in range(len(x)):\n    x[i] *= w[i]\nreturn sum(x) + b", hint="input-modified"),
    wrong("1.1", "return sum(x[i] * w[i] for i in range(len(x) - 1)) + b", hint="last-missing"),
    wrong("1.2", "return 1 / (1 + math.exp(z))", None, None, hint="sign-in-exp"),
    wrong("1.2", "return math.exp(-z)", None, None, hint=("one-missing", "exp-alone")),
    wrong("1.2", "return 1 // (1 + math.exp(-z))", None, None, hint="floor"),
    wrong("1.2", None, "return abs(z)", None, hint="absolute"),
    wrong("1.2", None, "return 1 if z > 0 else 0", None, hint="step"),
    wrong("1.2", None, "return min(z, 0)", None, hint="minimum"),
    wrong("1.2", None, None, "return weighted_sum(x, w, b)", hint="not-activated"),
    wrong("1.2", None, None, "return sigmoid(weighted_sum(x, w, 0)) + b", hint="bias-outside"),
    wrong("1.2", None, None, "return relu(weighted_sum(x, w, b))", hint="other-activation"),
    wrong("1.3", "return W @ a", None, hint="bias-missing"),
    wrong("1.3", "return W.T @ a + b", None, hint=("transposed", "shapes")),
    wrong("1.3", "return (W * a).sum(axis=0) + b", None, hint=("elementwise", "shapes")),
    wrong("1.3", None, "return W @ A + b", hint="shapes"),
    wrong("1.3", None, "return W @ A.T + b", hint=("shapes", "batch-transposed")),
    wrong("1.3", None, "return (W @ A.T).T + b[:, None]", hint=("shapes", "bias-column")),
    wrong("1.3", None, "return A @ W + b", hint=("shapes", "not-transposed")),
    wrong("1.4", "return sum(a * b for a, b in zip(sizes, sizes[1:]))", hint="bias-missing"),
    wrong("1.4", "return sum(a * b for a, b in zip(sizes, sizes[1:])) + sum(sizes)", hint="input-bias"),
    wrong("1.4", "return sum(a * b + a for a, b in zip(sizes, sizes[1:]))", hint="bias-of-inputs"),
    wrong("1.4", "return 13002", hint="hard-coded"),
    wrong(
        "1.4", "return sum(sizes[k] * sizes[k + 1] + sizes[k + 1] for k in range(len(sizes) - 2))", hint="last-missing"
    ),
    wrong("1.4", "return sum(a * b + 1 for a, b in zip(sizes, sizes[1:]))", hint="one-bias"),
]
