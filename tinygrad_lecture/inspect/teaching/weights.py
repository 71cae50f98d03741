"""The attention weights that a value of a graph is, or was made with."""

from __future__ import annotations

import numpy as np

from ...backend import Array
from ...kernels.attention import attention_weights
from ..vertex import Vertex


def weights_of(vertex: Vertex) -> Array | None:
    """The weights of an attention, (..., queries, keys); None for other values."""
    if vertex.op == "attention_weights":
        return vertex.value
    given = [x.value for x in vertex.inputs]
    if vertex.op != "attention" or len(given) < 3 or any(x is None for x in given[:3]):
        return None
    q, k = (np.asarray(x) for x in given[:2])
    mask = given[3] if len(given) > 3 else None
    if mask is not None and mask.dtype != np.bool_:  # None, as an array
        mask = None
    if vertex.settings.get("causal"):
        past = np.arange(k.shape[-2]) <= np.arange(q.shape[-2])[:, None]
        mask = past if mask is None else past & mask
    if (scale := vertex.settings.get("scale")) is not None:
        q = q * (scale * q.shape[-1] ** 0.5)
    return np.asarray(attention_weights(q, k, mask))
