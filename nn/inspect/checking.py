"""`nn.gradcheck`: check a module's gradients with respect to its inputs and parameters.

For example:

    >>> print(nn.gradcheck(nn.MLP([3, 4, 2], nn.Tanh), tl.randn(5, 3)))
    MLP: 41 elements right, by complex step, largest error 1.8e-15
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import tinygrad_lecture as tl
from tinygrad_lecture import GradcheckReport, Tensor
from tinygrad_lecture.gradient_checking.subject import names_of

from ..module import Module
from ..stateless import functional_call


def gradcheck(
    module: Module, args: Any = (), kwargs: Mapping[str, Any] | None = None, **options: Any
) -> GradcheckReport:
    """`tl.gradcheck` of a module as a function of its inputs and parameters, in float64.

    - `args`: an input or a tuple of inputs. Those that require grad are checked or, if none does, all floats.
    - `kwargs`: keyword inputs, which are not checked.
    - `options`: those of `tl.gradcheck`.

    Checks all parameters that require grad, a shared one once. It works on a copy and leaves the module unchanged.
    Returns and raises what `tl.gradcheck` does; the report names parameters by their dotted names.
    Raises TypeError unless `module` is a Module.
    """
    if not isinstance(module, Module):
        raise TypeError(
            f"nn.gradcheck: module must be a Module, not {type(module).__name__}; for a function use tl.gradcheck"
        )
    twin = copy.deepcopy(module).to(dtype=tl.float64)
    given = args if isinstance(args, (tuple, list)) else (args,)
    inputs = [x.detach().double().requires_grad_(x.requires_grad) if _is_float(x) else x for x in given]
    floats = [x for x in inputs if _is_float(x)]
    if not any(x.requires_grad for x in floats):
        for x in floats:
            x.requires_grad_()
    parameters = {name: p for name, p in twin.named_parameters() if p.requires_grad}

    def call(*values: Any) -> Any:
        replaced = dict(zip(parameters, values[len(inputs) :], strict=True))
        return functional_call(twin, replaced, values[: len(inputs)], kwargs)

    call.__name__ = type(module).__name__
    names = [*names_of(module.forward, len(inputs)), *parameters]
    return tl.gradcheck(call, [*inputs, *parameters.values()], input_names=names, **options)


def _is_float(x: Any) -> bool:
    return isinstance(x, Tensor) and x.dtype.kind == "f"
