"""Are the function and its backward rules pure? A gradient may depend on what its rule was given, and nothing else.

A rule that is not pure may be right in a first, single pass and wrong in a training loop. So it must not

- write to an array that it was given: its inputs, its output, its upstream gradient;
- give another gradient when it runs again, or when its op has been called again in between (state in a global);
- treat its upstream gradient otherwise than linearly, as abs(g) does;
- compute in fewer digits than float64 has.

The checks raise GradcheckError.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import numpy as np

from ..backend import FLOAT64, Array, to_host
from .analytical import Analytical, compute_in_float64, on_host, vjp
from .report import number

FACTOR = -1024.0  # of the upstream gradient, to see that a rule is linear in it: products with it are not rounded
TINY = 1e-300  # a smaller number has too few digits to be compared


def require_pure(found: Analytical) -> None:
    """All checks but those for which a wrong gradient is to be explained first."""
    subject = found.subject
    found.require_no("changed")
    for given, upstream in zip(found.given, found.upstreams, strict=True):
        if not np.array_equal(to_host(given), upstream):
            raise subject.fault("upstream-modified", culprit=found.culprit)
    _require_same_again(found)
    again = subject.values(subject.xs)
    if not _alike(again, found.values, subject.on_host):
        apart = number(float(np.abs(again - found.values).max()))
        raise subject.fault("not-deterministic", apart=apart)
    _require_float64(found)


def _require_same_again(found: Analytical) -> None:
    """The backward pass must give the same gradients after another call of the function."""
    subject = found.subject
    if subject.check == "gradcheck":
        with suppress(Exception):  # it need not take other values, in reverse order
            subject.values([-1.01 * x.ravel()[::-1].reshape(x.shape) for x in subject.xs])
    again = found.backward()
    if not _all_alike(found.gradients, again, subject.on_host):
        if _all_alike(on_host(again, subject.xs), found.backward(), subject.on_host):
            raise subject.fault("state-outside", culprit=found.culprit)
        raise subject.fault("not-repeatable", culprit=found.culprit)


def _require_float64(found: Analytical) -> None:
    """No op, nor the backward rule of one, may compute in fewer digits than float64 has."""
    for call in found.calls:
        dtype = call.out.dtype
        if dtype.kind == "f" and dtype.itemsize < FLOAT64.itemsize:
            raise found.subject.fault("float32", op=call.op.name, dtype=dtype, remedy=compute_in_float64(dtype))
    if found.subject.check == "gradcheck":
        found.require_no("dtype")


def require_linear(found: Analytical) -> None:
    """The gradients for FACTOR times the upstream gradient must be FACTOR times the gradients.

    One upstream gradient cannot show a rule that uses abs(g): for a function with one output, it may be positive.
    """
    scaled = vjp(found.subject, found.outs, found.leaves, [FACTOR * g for g in found.given])
    for gradient, again in zip(found.gradients, scaled, strict=True):
        wanted = FACTOR * gradient
        close = 1e-9 * np.abs(wanted).max(initial=0) + TINY
        if again is not None and not np.allclose(to_host(again), wanted, rtol=0, atol=close, equal_nan=True):
            raise found.subject.fault("not-linear", culprit=found.culprit, factor=FACTOR)


def _alike(a: Array, b: Array, on_host: bool) -> bool:
    """Whether two arrays have the same bits; on a GPU, where the order of atomic additions varies, nearly the same."""
    rtol = 0 if on_host else 1e-12
    return np.allclose(a, b, rtol=rtol, atol=rtol, equal_nan=True)


def _all_alike(gradients: Sequence[Array], again: Sequence[Array | None], on_host: bool) -> bool:
    """Whether a pass gives the gradients that another one gave."""
    return all(g is None or _alike(one, to_host(g), on_host) for one, g in zip(gradients, again, strict=True))
