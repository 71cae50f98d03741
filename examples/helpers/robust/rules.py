"""If-then rules for one digit, as a programmer writes them."""

from __future__ import annotations

import numpy as np


def is_a_three(picture: np.ndarray) -> bool:
    """Whether a picture (28, 28) shows a 3: three strokes from top to bottom, open to the left, closed to the right."""
    ink = picture > 0.5
    ys, xs = np.nonzero(ink)
    if len(ys) == 0:
        return False
    box = ink[ys.min() : ys.max() + 1, xs.min() : xs.max() + 1]  # what is written, without its margins
    height, width = box.shape
    if height < 8 or width < 6:
        return False
    middle = box[:, width // 3 : 2 * width // 3 + 1]
    starts = (np.diff(middle.astype(int), axis=0, prepend=0) == 1).sum(axis=0)  # strokes met from top to bottom
    upper, lower = slice(height // 5, 2 * height // 5), slice(3 * height // 5, 4 * height // 5)
    open_left = all(box[part, : width // 3].mean() < 0.35 for part in (upper, lower))
    closed_right = all(box[part, width // 2 :].any(axis=1).mean() > 0.8 for part in (upper, lower))
    return bool((starts == 3).mean() > 0.4 and open_left and closed_right)
