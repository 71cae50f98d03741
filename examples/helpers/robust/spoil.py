"""Ways to spoil pictures, rows of 28 * 28 = 784 numbers from 0 for paper to 1 for ink."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def add_noise(images: np.ndarray, sigma: float | np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Add to every pixel a normal random number of standard deviation sigma: a bad camera."""
    return (images + sigma * random.standard_normal(images.shape)).astype(np.float32)


def drop_pixels(images: np.ndarray, share: float, random: np.random.Generator) -> np.ndarray:
    """Set a share of the pixels to 0: missing values."""
    return np.where(random.random(images.shape) < share, np.float32(0), images)


def wrong_pixels(images: np.ndarray, share: float, random: np.random.Generator) -> np.ndarray:
    """Set a share of the pixels to 0 or 1 at random: measurement errors and outliers."""
    noise = random.integers(0, 2, images.shape).astype(np.float32)
    return np.where(random.random(images.shape) < share, noise, images)


def shift(images: np.ndarray, pixels: float, random: np.random.Generator) -> np.ndarray:
    """Move every picture to the right."""
    return np.roll(images.reshape(-1, 28, 28), int(pixels), axis=2).reshape(-1, 784)


def turn(images: np.ndarray) -> np.ndarray:
    """Turn every picture by 90 degrees."""
    return np.rot90(images.reshape(-1, 28, 28), axes=(1, 2)).reshape(-1, 784).copy()


Change = Callable[[np.ndarray, float, np.random.Generator], np.ndarray]
KINDS: dict[str, tuple[tuple[float, ...], Change]] = {
    "noise, standard deviation": ((0, 0.1, 0.2, 0.3, 0.5, 0.7), add_noise),
    "missing pixels, share": ((0, 0.1, 0.2, 0.3, 0.5, 0.7), drop_pixels),
    "wrong pixels, share": ((0, 0.02, 0.05, 0.1, 0.2, 0.3), wrong_pixels),
    "shift, pixels": ((0, 1, 2, 3, 4, 5), shift),
}
