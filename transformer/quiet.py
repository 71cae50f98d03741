"""Asking a model without changing anything: no gradients, no dropout, and afterwards all is as it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import tinygrad_lecture as tl
import nn


@contextmanager
def quiet(model: nn.Module) -> Iterator[None]:
    """Within it nothing is recorded and every part is in evaluation mode; each goes back to its own afterwards."""
    training = [module for module in model.modules() if module.training]
    for module in training:
        module.training = False
    try:
        with tl.no_grad():
            yield
    finally:
        for module in training:
            module.training = True
