"""utils: gradient clipping (clip.py), and batches of sequences of different lengths (rnn.py)."""

from . import rnn
from .clip import clip_grad_norm_, clip_grad_value_

__all__ = ["clip_grad_norm_", "clip_grad_value_", "rnn"]
