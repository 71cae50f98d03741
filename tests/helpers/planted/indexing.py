"""Planted mistakes in rules that move elements: indexing, padding, windows, permutations, convolution."""

import numpy as np

from .mistake import mistake

PICKED = [0, 2, 0, 1]
KERNEL = np.array([0.5, -1.0, 2.0])


def taken(x, /):
    return x[PICKED]


def taken_overwriting(g, x):
    dx = np.zeros_like(x)
    dx[PICKED] = g
    return dx


def correlate(x, k, /):
    return np.convolve(x, k[::-1], "valid")


def correlate_without_last(g, x):
    dk = np.zeros(3)
    for i in range(len(g) - 1):
        dk += g[i] * x[i : i + 3]
    return dk


def correlate_with_last_twice(g, x):
    dk = np.convolve(x, g[::-1], "valid")
    return dk + g[-1] * x[-3:]


def padded(x, /):
    return np.pad(x, 1)


def pair_maxima(x, /):
    return x.reshape(-1, 2).max(1)


def joined(a, b, /):
    return np.concatenate([a, b])


INDEXING = [
    mistake("repeated indices: overwritten", taken, (3,), says=r"np\.add\.at", x=taken_overwriting),
    mistake(
        "roll: not rolled back",
        lambda x, /: np.roll(x, 1),
        (5,),
        says=r"inverse shift",
        x=lambda g: np.roll(g, 1),
    ),
    mistake(
        "roll: g as it is",
        lambda x, /: np.roll(x, 1),
        (5,),
        says=r"\(by a shift, roll.*move it back",
        x=lambda g: g * 1,
    ),
    mistake(
        "roll: one too far",
        lambda x, /: np.roll(x, 1),
        (5,),
        says=r"shifted along axis 0: one place",
        x=lambda g: np.roll(g, -2),
    ),
    mistake(
        "flip: g as it is",
        lambda x, /: x[::-1] * 2,
        (5,),
        says=r"\(by a shift, roll, flip.*move it back",
        x=lambda g: 2 * g,
    ),
    mistake(
        "flip: the wrong axis",
        lambda x, /: x[::-1] * 2,
        (3, 3),
        says=r"axes 0 and 1 are mixed up",
        x=lambda g: 2 * g[:, ::-1],
    ),
    mistake(
        "transpose(2, 0, 1): the same again",
        lambda x, /: x.transpose(2, 0, 1),
        (2, 2, 2),
        says=r"permuted",
        x=lambda g: g.transpose(2, 0, 1),
    ),
    mistake(
        "a copy of x.T: reshaped", lambda x, /: x.T.copy(), (2, 3), says=r"axes|transposed", x=lambda g: g.reshape(2, 3)
    ),
    mistake("pad: a border off by one", padded, (5,), says=r"shifted along axis 0: one place", x=lambda g: g[:-2]),
    mistake(
        "pad in two axes: off by one in one",
        padded,
        (3, 4),
        says=r"shifted along axis 1: one place",
        x=lambda g: g[1:-1, 2:],
    ),
    mistake(
        "pad: the last element forgotten",
        padded,
        (5,),
        says=r"slice or loop leaves out index 4 of axis 0 \(the last\)",
        x=lambda g: np.append(g[1:-2], 0),
    ),
    mistake(
        "convolution: kernel not flipped in dx",
        correlate,
        (6,),
        (3,),
        says=r"kernel must be flipped",
        x=lambda g, k: np.convolve(g, k[::-1], "full"),
    ),
    mistake(
        "convolution: dk reversed",
        correlate,
        (6,),
        (3,),
        says=r"flip|revers",
        k=lambda g, x: np.convolve(x, g[::-1], "valid")[::-1],
    ),
    mistake(
        "convolution: the last window left out",
        correlate,
        (6,),
        (3,),
        says=r"\(the last\) of the output.*ends too early",
        k=correlate_without_last,
    ),
    mistake(
        "convolution: the last window counted twice",
        correlate,
        (6,),
        (3,),
        says=r"only the contributions of index 3 of axis 0 \(the last\) of the output are wrong",
        k=correlate_with_last_twice,
    ),
    mistake(
        "a fixed convolution: kernel not flipped",
        lambda x, /: np.convolve(x, KERNEL, "same"),
        (6,),
        says=r"convolution with the flipped kernel",
        x=lambda g: np.convolve(g, KERNEL, "same"),
    ),
    mistake("pooling: g to both of a pair", pair_maxima, (6,), says=r"mask is missing", x=lambda g: g.repeat(2)),
    mistake(
        "pooling: g tiled",
        lambda x, /: x.reshape(-1, 2).mean(1),
        (6,),
        says=r"order|repeat|tile",
        x=lambda g: np.tile(g, 2) / 2,
    ),
    mistake(
        "pooling: not divided",
        lambda x, /: x.reshape(-1, 2).mean(1),
        (6,),
        says=r"multiply by 1/2",
        x=lambda g: g.repeat(2),
    ),
    mistake(
        "repeat: summed as if tiled",
        lambda x, /: x.repeat(2),
        (3,),
        says=r"wrong order, as after a reshape, transpose, tile or repeat",
        x=lambda g: g.reshape(2, 3).sum(0),
    ),
    mistake(
        "repeat: every other one",
        lambda x, /: x.repeat(2),
        (3,),
        says=r"only one contribution is kept.*add them",
        x=lambda g: g[::2] + 0,
    ),
    mistake(
        "concatenate: the part of the other",
        joined,
        (3,),
        (3,),
        says=r"takes index 3, 4, 5 .* reaches index 0, 1, 2",
        a=lambda g: g[3:] + 0,
    ),
    mistake("triu: no mask", lambda x, /: np.triu(x), (3, 3), says=r"mask is missing", x=lambda g: g * 1),
    mistake("triu: tril", lambda x, /: np.triu(x), (3, 3), says=r"mask selects wrong elements", x=lambda g: np.tril(g)),
    mistake(
        "triu: without the diagonal",
        lambda x, /: np.triu(x),
        (3, 3),
        says=r"leaves out the diagonal",
        x=lambda g: np.triu(g, 1),
    ),
    mistake(
        "diff: one of two terms",
        lambda x, /: np.diff(x),
        (5,),
        says=r"contributions are missing",
        x=lambda g: np.append(0, g),
    ),
    mistake(
        "diff: terms swapped",
        lambda x, /: np.diff(x),
        (5,),
        says=r"wrong sign",
        x=lambda g: np.append(g, 0) - np.append(0, g),
    ),
    mistake("sort: not put back", lambda x, /: np.sort(x), (5,), says=r"sort.*move it back", x=lambda g: g * 1),
    mistake(
        "sort: permuted again",
        lambda x, /: np.sort(x),
        (5,),
        says=r"inverse shift or permutation",
        x=lambda g, x: g[np.argsort(x)],
    ),
    mistake("trace: everywhere", lambda x, /: np.trace(x), (3, 3), says=r"mask is missing", x=lambda g, x: g + 0 * x),
    mistake(
        "a slice: one too far",
        lambda x, /: x[1:4] * 2,
        (6,),
        says=r"shifted along axis 0: one place",
        x=lambda g: np.concatenate([[0, 0], 2 * g, [0]]),
    ),
]
