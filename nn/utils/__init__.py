"""What is done to the parameters and gradients of a model.

clip.py     limit the size of gradients; all parameters as one vector
rnn.py      batches of sequences of different lengths
"""

from . import clip, rnn
from .clip import *  # noqa: F403

__all__ = ["rnn"]
__all__ += clip.__all__
