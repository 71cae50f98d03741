"""Layers and losses as functions: without parameters of their own, under PyTorch's names, usually imported as F.

What the engine has as an op is that op.
"""

from tinygrad_lecture import gelu, leaky_relu, linear, log_softmax, one_hot, relu, sigmoid, silu, softmax, tanh

from .activation import elu, hardtanh, logsigmoid, relu6, softplus
from .layers import cosine_similarity, dropout, embedding, layer_norm, normalize, pad, rms_norm
from .loss import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    huber_loss,
    kl_div,
    l1_loss,
    mse_loss,
    nll_loss,
    smooth_l1_loss,
)

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cosine_similarity",
    "cross_entropy",
    "dropout",
    "elu",
    "embedding",
    "gelu",
    "hardtanh",
    "huber_loss",
    "kl_div",
    "l1_loss",
    "layer_norm",
    "leaky_relu",
    "linear",
    "log_softmax",
    "logsigmoid",
    "mse_loss",
    "nll_loss",
    "normalize",
    "one_hot",
    "pad",
    "relu",
    "relu6",
    "rms_norm",
    "sigmoid",
    "silu",
    "smooth_l1_loss",
    "softmax",
    "softplus",
    "tanh",
]
