"""The strict stand-in for CuPy as a device: importing this module makes `device="strict"` work."""

from strict_cupy import StrictArray, strict
from tinygrad_lecture.backend import Library, register

register(
    StrictArray,
    Library(
        name="strict",
        namespace=strict,
        from_host=lambda array, index: strict.asarray(array),
        to_host=strict.asnumpy,
        to_index=lambda array, index: array,
    ),
)
