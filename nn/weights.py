"""Weights in files: safetensors, which holds named arrays and nothing that could be run.

    nn.weights.save_file(model.state_dict(), "digits.safetensors")
    model.load_state_dict(nn.weights.load_file("digits.safetensors"))

The keys are those of PyTorch's `state_dict`, so the files go both ways.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor
from tinygrad_lecture.backend import to_host

from .files import replacing


def save_file(tensors: Mapping[str, Tensor], path: str | Path, metadata: Mapping[str, str] | None = None) -> None:
    """Write tensors, and words about them, to a safetensors file; it is complete or not there.

    Raises ImportError without the safetensors package, FileNotFoundError if there is no such folder.
    """
    require()
    from safetensors.numpy import save_file as save

    arrays = {name: np.asarray(to_host(tensor.array), order="C") for name, tensor in tensors.items()}
    with replacing(path) as beside:
        save(arrays, beside, dict(metadata or {}))


def load_file(path: str | Path) -> dict[str, Tensor]:
    """The tensors in a safetensors file, on the CPU.

    Raises ImportError without the safetensors package, FileNotFoundError if there is no such file, ValueError if it
    is something else or incomplete.
    """
    with _open(path) as file:
        return {name: tl.tensor(file.get_tensor(name)) for name in file.keys()}  # noqa: SIM118 - file is no mapping


def load_metadata(path: str | Path) -> dict[str, str]:
    """The words that `save_file` put into a safetensors file; none if there are none. Raises as `load_file` does."""
    with _open(path) as file:
        return dict(file.metadata() or {})


def _open(path: str | Path) -> Any:
    safetensors = require()
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}" if not path.exists() else f"{path} is a folder, not a file")
    try:
        return safetensors.safe_open(path, framework="np")
    except safetensors.SafetensorError as error:
        raise ValueError(f"{path} is not a safetensors file, or not all of one: {error}") from error


def require() -> Any:
    """The safetensors package. Raises ImportError that says how to get it."""
    try:
        import safetensors
    except ImportError:
        raise ImportError(
            'weights are kept in safetensors files, which needs a package: pip install "tinygrad-lecture[examples]"'
        ) from None
    return safetensors
