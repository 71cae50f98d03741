"""Helpers of the gradcheck tests: inputs, ops as a student writes them, the error that a check raises; and mistakes.

Planted mistakes are ops with wrong backward rules, and the words that must lead to the mistake. They are tables of text
in `planted/`:

    np.tanh(x)   where x = 5; ...                          the op, and its inputs
        dx = g * (1 - x * x)  ->  out instead of x         a wrong rule, and what the message of gradcheck must contain

An input is a shape to draw random numbers for (a number or a tuple) or its numbers (a list); what has a capital letter
is a constant. A rule may use g, the inputs and out; it may have several lines, of which the last one has the arrow. It
assigns a gradient, dx, or several of them; inputs without one are constants. In the words, "..." stands for any text,
"|" separates alternatives, and "$" is the end of the message; "nothing" means that no cause is known.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent, indent
from typing import Any

import numpy as np
import pytest

import tinygrad_lecture as tl

_rng = np.random.default_rng(7)


@pytest.fixture(autouse=True)
def same_draws():
    """Reset the random numbers of `draw` before each test."""
    global _rng
    _rng = np.random.default_rng(8)


def tensor(data, **options):
    """A float64 Tensor."""
    return tl.tensor(data, dtype=tl.float64, **options)


def draw(*shape):
    """A float64 Tensor of random numbers of both signs, between 0.3 and 1.5 in absolute value."""
    return tensor(_rng.uniform(0.3, 1.5, shape) * _rng.choice([-1, 1], shape))


def make(forward, name="student_op", **rules):
    """An op with the given backward rules, one for each input named."""
    forward.__name__ = name
    made = tl.op(forward)
    for who, rule in rules.items():
        made.backward(who)(rule)
    return made


def failure(fn, inputs, check=tl.gradcheck, **options):
    """The GradcheckError that a check raises."""
    with pytest.raises(tl.GradcheckError) as caught:
        check(fn, inputs, **options)
    assert isinstance(caught.value, AssertionError)
    return caught.value


# --- planted mistakes -----------------------------------------------------------------------------------------


def softmax(x, axis=-1):
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def rows(x):
    return x.sum(-1, keepdims=True)


def mean(x):
    return x.mean(-1, keepdims=True)


def sigma(x):
    return np.sqrt(x.var(-1, keepdims=True) + 1e-5)


def t(x):
    return x.swapaxes(-1, -2)


@dataclass(frozen=True, eq=False)
class Mistake:
    """A line of a table. given: shapes and numbers of the inputs, and constants, by name."""

    op: str
    given: dict[str, Any]
    rule: str
    words: str

    def __str__(self) -> str:
        return f"{self.op}: {self.rule}"

    @property
    def says(self) -> str:
        """The words as a pattern."""
        return re.escape(self.words).replace(r"\ \|\ ", "|").replace(r"\ \.\.\.\ ", ".*").replace(r"\$", "$")

    def error(self) -> tl.GradcheckError:
        """What gradcheck says about the mistake."""
        op, inputs = self.op_and_inputs()
        report = tl.gradcheck(op, inputs, raise_exception=False)
        assert report.error is not None, "the rule is right"
        return report.error

    def op_and_inputs(self) -> tuple[Any, list[tl.Tensor]]:
        """The op with the wrong rule, and its inputs."""
        arrays = self.inputs()
        scope = {**globals(), **{name: np.array(value) for name, value in self.given.items() if name not in arrays}}
        wrong = [name for name in arrays if re.search(rf"\bd{name}\b(\[.*\])? (=|\+=) ", self.rule)]
        rules = {name: _function(self.rule, ["g", *arrays, "out"], f"d{name}", scope) for name in wrong}
        exec(f"def op({', '.join(arrays)}, /):\n    return {self.op}", scope)
        tensors = [tl.tensor(array, requires_grad=name in rules) for name, array in arrays.items()]
        return make(scope["op"], **rules), tensors

    def inputs(self) -> dict[str, np.ndarray]:
        """Random numbers are between 0.3 and 1.5 in absolute value."""
        rng = np.random.default_rng(sum(map(ord, str(self))))

        def drawn(given):
            if isinstance(given, list):
                return np.array(given, dtype=float)
            return np.asarray(rng.uniform(0.3, 1.5, given) * rng.choice([-1, 1], given))

        return {name: drawn(given) for name, given in self.given.items() if name.islower()}


def _function(text: str, parameters: list[str], result: str, scope: dict[str, Any]) -> Any:
    """A function of those of the parameters that a text names."""
    named = {node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)}
    taken = [parameter for parameter in parameters if parameter in {"g", *named}]
    exec(f"def rule({', '.join(taken)}):\n{indent(text, '    ')}\n    return {result}", scope)
    return scope.pop("rule")


def mistakes(table: str) -> Iterator[Mistake]:
    """The mistakes of a table."""
    op, given, lines = "", {}, []
    for line in table.splitlines():
        if line.startswith("    "):
            text, arrow, words = line.partition("  ->  ")
            lines.append(text.rstrip())
            if arrow:
                yield Mistake(op, given, dedent("\n".join(lines)), words.strip())
                lines = []
        elif line:
            op, _, inputs = line.partition("  where ")
            pairs = (part.split(" = ") for part in inputs.split(";"))
            given = {name.strip(): ast.literal_eval(value.strip()) for name, value in pairs}


MISTAKES = [
    mistake
    for path in sorted(Path(__file__).with_name("planted").glob("*.txt"))
    for mistake in mistakes(path.read_text(encoding="utf-8"))
]
