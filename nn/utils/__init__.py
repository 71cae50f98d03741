"""What is done to the parameters and gradients of a model.

clip.py                limit the size of gradients; all parameters as one vector
reparametrization.py   weights that are computed of others: weight_norm
rnn.py                 batches of sequences of different lengths
"""

from . import clip, reparametrization, rnn
from .clip import *  # noqa: F403
from .reparametrization import *  # noqa: F403

__all__ = ["rnn"]
__all__ += clip.__all__ + reparametrization.__all__
