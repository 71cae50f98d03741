"""The device of a tensor: a text such as "cuda:0" with PyTorch's `type` and `index`."""

from __future__ import annotations

import functools

from .errors import TensorError


class device(str):
    """A device's name, with its parts: `type`, "cpu" or "cuda", and `index`, an int or None.

        tl.device("cuda:1").index           # 1
        tl.device("cuda", 1) == "cuda:1"    # True

    It is a str: it equals its name, and may be given wherever a name may. Raises TensorError for a name that is not of
    this form. Whether there is such a device shows when it is used. `with tl.device("cpu"):` is accepted, as in
    PyTorch; for another device NotImplementedError is raised, since tensors are made on the CPU by default.
    """

    __slots__ = ()

    def __new__(cls, type: str | int, index: int | None = None) -> device:
        name = f"cuda:{type}" if isinstance(type, int) else type if index is None else f"{type}:{index}"
        kind, colon, number = name.partition(":")
        if not kind.isidentifier() or (colon and not number.isdecimal()):
            raise TensorError(f"device: {name!r} names no device; write 'cpu', 'cuda' or 'cuda:0'")
        return super().__new__(cls, name)

    @property
    def type(self) -> str:
        """The kind of device: "cpu" or "cuda"."""
        return str(self).partition(":")[0]

    @property
    def index(self) -> int | None:  # type: ignore[override]
        """Which of the devices of this kind; None if that is left open."""
        number = str(self).partition(":")[2]
        return int(number) if number else None

    def __enter__(self) -> device:
        if self.type != "cpu":
            raise NotImplementedError(
                f"with device({str(self)!r}): tensors are made on the CPU by default; give each device={str(self)!r}"
            )
        return self

    def __exit__(self, *error: object) -> None: ...

    def __repr__(self) -> str:
        index = "" if self.index is None else f", index={self.index}"
        return f"device(type={self.type!r}{index})"


as_device = functools.cache(device)
