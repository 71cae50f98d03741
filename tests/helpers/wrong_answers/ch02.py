"""Chapter 2: the scalar engine."""

from wrong_answers import wrong

ORDER = "if id(node) in seen:\n    return\nseen.add(id(node))\n"
WRONG = [
    wrong("2.1", "return (f(x + h) - f(x)) / h", hint="one-sided"),
    wrong("2.1", "return (f(x + h) - f(x - h)) / 2 * h", hint="brackets"),
    wrong("2.1", "return (f(x + h) - f(x - h)) / h", hint="half-distance"),
    wrong("2.1", "return f(x + h) - f(x - h) / (2 * h)", hint="brackets"),
    wrong("2.1", "return (f(x - h) - f(x + h)) / (2 * h)", hint="wrong-sign"),
    wrong("2.1", "return 2 * x", hint=("hard-coded", None)),
    wrong("2.2", "return Value(self.data * other.data, (self, other), (1.0, 1.0))", hint="as-for-sum"),
    wrong("2.2", "return Value(self.data * other.data, (self, other), (self.data, other.data))", hint="swapped"),
    wrong("2.2", "return self.data * other.data", hint="type"),
    wrong("2.2", "return Value(self.data * other.data)", hint="parents"),
    wrong("2.2", "return Value(self.data + other.data, (self, other), (other.data, self.data))", hint="data"),
    wrong("2.2", "return Value(self.data * other.data, (self, other), (other, self))", hint="locals"),
    wrong("2.2", "out = self.data * other.data\nreturn Value(out, (self, other), (out, out))", hint="data"),
    wrong("2.3", "parent.grad = local * node.grad", hint="overwritten"),
    wrong("2.3", "parent.grad += local", hint="upstream-ignored"),
    wrong("2.3", "parent.grad += node.grad", hint="local-ignored"),
    wrong("2.3", "parent.grad += local + node.grad", hint="added"),
    wrong("2.3", "node.grad += local * parent.grad", hint=("nothing-sent", "changed")),
    wrong("2.3", "parent.grad += local * node.grad\nnode.grad = 0", hint=("changed", "nothing-sent", None)),
    wrong("2.4", "done.append(node)\nfor parent in node.parents:\n    visit(parent)", hint=("twice", "too-early")),
    wrong("2.4", ORDER + "done.append(node)\nfor parent in node.parents:\n    visit(parent)", hint="too-early"),
    wrong("2.4", "for parent in node.parents:\n    visit(parent)\ndone.append(node)", hint="twice"),
    wrong("2.4", ORDER + "for parent in node.parents:\n    done.append(parent)\ndone.append(node)", hint=("missing", "twice")),
    wrong("2.4", ORDER + "for parent in node.parents:\n    visit(parent)", hint="missing"),
    wrong("2.4", ORDER + "for parent in node.parents:\n    visit(parent)\ndone.insert(0, node)", hint="reversed"),
    wrong("2.4", "if node.data in seen:\n    return\nseen.add(node.data)\nfor parent in node.parents:\n"
          "    visit(parent)\ndone.append(node)", hint=("missing", "same-number")),
    wrong("2.5", "for node in topological_order(root):\n    send_back(node)", hint="no-seed"),
    wrong("2.5", "root.grad = 1.0\nfor node in topological_order(root):\n    send_back(node)", hint="not-reset"),
    wrong("2.5", "root.grad = 1.0\nsend_back(root)", hint=("not-sent", "not-reset", "wrong-order", "one-step")),
    wrong("2.5", "order = topological_order(root)\nfor n in order:\n    n.grad = 0.0\nroot.grad = 1.0\n"
          "for n in reversed(order):\n    send_back(n)", hint=("not-sent", "wrong-order", "reversed")),
    wrong("2.5", "order = topological_order(root)\nfor n in order:\n    n.grad = 1.0\nfor n in order:\n    send_back(n)",
          hint=("seed", "all-ones")),
    wrong("2.5", "order = topological_order(root)\nroot.grad = 1.0\nfor n in order:\n    n.grad = 0.0\n"
          "for n in order:\n    send_back(n)", hint="seed-lost"),
    wrong("2.5", "root.grad = 1.0\nfor n in topological_order(root):\n    n.grad = 0.0\n    send_back(n)", hint="seed-lost"),
    wrong("2.6", "return Value(s, (z,), (z.data * (1 - z.data),))", None, None, hint="locals"),
    wrong("2.6", "return Value(s)", None, None, hint="parents"),
    wrong("2.6", "return s", None, None, hint="type"),
    wrong("2.6", None, "return error", None, hint="not-squared"),
    wrong("2.6", None, None, "cost(x, w, b, y)", hint="zero"),
    wrong("2.6", "return Value(s, (z), (s * (1 - s),))", None, None, hint="comma"),
    wrong("2.6", "return Value(s, (z,), (s * (1 - s)))", None, None, hint="comma"),
    wrong("2.6", "return Value(s, (z,), (s * (1 - s),)),", None, None, hint="comma"),
]  # fmt: skip
