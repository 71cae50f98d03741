"""Work beside the ops that a profile measures too, such as an optimiser's step."""

from __future__ import annotations

from typing import ClassVar


class Measured:
    """A class with methods that `tl.profile` shows as entries of their own: "Adam.step".

    measured: the names of the methods. What their ops take counts for the ops.
    """

    measured: ClassVar[tuple[str, ...]] = ()
