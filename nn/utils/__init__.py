"""What is done to the parameters and gradients of a model.

clip.py               limit the size of gradients
rnn.py                batches of sequences of different lengths
vectors.py            all parameters as one vector
parametrize.py        a parameter that is computed from others; parametrizations.py: by its length, by its norm
"""

from . import parametrizations, parametrize, rnn
from .clip import clip_grad_norm_, clip_grad_value_, clip_grads_with_norm_, get_total_norm
from .parametrizations import remove_weight_norm, spectral_norm, weight_norm
from .vectors import parameters_to_vector, vector_to_parameters

__all__ = [
    "clip_grad_norm_", "clip_grad_value_", "clip_grads_with_norm_", "get_total_norm", "parameters_to_vector",
    "parametrizations", "parametrize", "remove_weight_norm", "rnn", "spectral_norm", "vector_to_parameters",
    "weight_norm",
]  # fmt: skip
