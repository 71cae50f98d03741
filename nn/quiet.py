"""Asking a model without changing anything: no gradients, no dropout, and afterwards all is as it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tinygrad_lecture import no_grad

from .module import Module


@contextmanager
def quiet(model: Module) -> Iterator[None]:
    """Within it nothing is recorded and every part is in evaluation mode; each goes back to its own afterwards."""
    training = [module for module in model.modules() if module.training]
    for module in training:
        module.training = False
    try:
        with no_grad():
            yield
    finally:
        for module in training:
            module.training = True
