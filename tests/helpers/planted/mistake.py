"""`Mistake`: an op with a wrong backward rule, as a student would write it, and the words that lead to the mistake."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import tinygrad_lecture as tl
from gradchecks import make


@dataclass(frozen=True)
class Mistake:
    """A planted mistake.

    what: the mistake in a few words.
    says: a pattern that the message of gradcheck must contain; "" if there is no hint for this mistake.
    forward: the op.  rules: its backward rules by input, the first of them wrong; an input without one is a constant.
    inputs: for each input a shape (a tuple) to draw random numbers for, or the numbers (a list).
    """

    what: str
    says: str
    forward: Callable[..., Any]
    inputs: tuple[Any, ...]
    rules: dict[str, Callable[..., Any]]

    def error(self) -> TypeError | tl.GradcheckError:
        """What gradcheck, or before it the op's decorator, says about the mistake."""
        try:
            op = make(self.forward, **self.rules)
            tl.gradcheck(op, self.tensors(op.inputs))
        except (TypeError, tl.GradcheckError) as error:
            return error
        raise AssertionError(f"{self.what}: not found")

    def tensors(self, names: tuple[str, ...]) -> list[Any]:
        """The inputs. Random numbers are between 0.3 and 1.5 in absolute value."""
        rng = np.random.default_rng(sum(map(ord, self.what)))
        arrays = [
            rng.uniform(0.3, 1.5, given) * rng.choice([-1, 1], given) if isinstance(given, tuple) else np.array(given)
            for given in self.inputs
        ]
        pairs = zip(names, arrays, strict=True)
        return [tl.tensor(array, dtype=tl.float64, requires_grad=name in self.rules) for name, array in pairs]


def mistake(what: str, forward: Callable[..., Any], *inputs: Any, says: str, **rules: Callable[..., Any]) -> Mistake:
    """A `Mistake`, written as a line of a table."""
    return Mistake(what, says, forward, inputs, rules)
