"""nn: layers, losses, optimisers, data loading and the training loop, built from the engine's ops.

    import nn
    import tinygrad_lecture as tl

    model = nn.MLP([784, 16, 16, 10], nn.Sigmoid, nn.Sigmoid)
    optimizer = nn.optim.SGD(model.parameters(), lr=1.0)
    nn.fit(model, batches, nn.MSELoss(), optimizer, epochs=10)

Names, and the keys of `state_dict`, are PyTorch's where it has them. Where things are:

    module/                          Module and Parameter; container.py: Sequential, ModuleList, ...
    linear.py  mlp.py  embedding.py  layers with weights
    convolution/                     layers for sequences and images: filters, pooling
    recurrent/  attention/           RNN, GRU, LSTM; MultiheadAttention, Transformer
    normalization/                   LayerNorm, RMSNorm, BatchNorm and others
    bilinear.py  distance.py         layers of two inputs
    activation.py  loss/             the formulas of both are in functional/
    dropout.py  flatten.py           layers without weights
    init.py  distributions.py        initial weights; random draws with their log_prob
    optim/  data/  training/         optimisers, mini-batches, the loop
    parallel/                        training on several cores or machines
    utils/  stateless.py             gradient clipping, packed sequences; calls with other tensors as parameters
    shown.py                         what notebooks show
    files/  inspect/  errors/        weights in files, a table of a model, error messages
    torch/                           runs PyTorch's scripts
"""

from tinygrad_lecture.errors.names import tell_missing as _tell_missing

from . import data, distributions, functional, init, optim, parallel, utils
from .activation import (
    CELU,
    ELU,
    GELU,
    GLU,
    SELU,
    Hardshrink,
    Hardsigmoid,
    Hardswish,
    Hardtanh,
    LeakyReLU,
    LogSigmoid,
    LogSoftmax,
    Mish,
    PReLU,
    ReLU,
    ReLU6,
    Sigmoid,
    SiLU,
    Softmax,
    Softmin,
    Softplus,
    Softshrink,
    Softsign,
    Tanh,
    Tanhshrink,
)
from .attention import (
    MultiheadAttention,
    Transformer,
    TransformerDecoder,
    TransformerDecoderLayer,
    TransformerEncoder,
    TransformerEncoderLayer,
)
from .bilinear import Bilinear
from .container import ModuleDict, ModuleList, ParameterDict, ParameterList, Sequential
from .convolution import (
    AdaptiveAvgPool1d,
    AdaptiveAvgPool2d,
    AdaptiveMaxPool1d,
    AdaptiveMaxPool2d,
    AvgPool1d,
    AvgPool2d,
    CircularPad1d,
    CircularPad2d,
    ConstantPad1d,
    ConstantPad2d,
    Conv1d,
    Conv2d,
    ConvTranspose1d,
    ConvTranspose2d,
    Fold,
    MaxPool1d,
    MaxPool2d,
    PixelShuffle,
    PixelUnshuffle,
    ReflectionPad1d,
    ReflectionPad2d,
    ReplicationPad1d,
    ReplicationPad2d,
    Unfold,
    Upsample,
    UpsamplingBilinear2d,
    UpsamplingNearest2d,
    ZeroPad1d,
    ZeroPad2d,
)
from .data import DataLoader, TensorDataset
from .distance import CosineSimilarity, PairwiseDistance
from .dropout import Dropout, Dropout1d, Dropout2d
from .embedding import Embedding, EmbeddingBag
from .files import weights
from .flatten import Flatten, Unflatten
from .inspect.checking import gradcheck
from .inspect.table import Summary, summary
from .linear import Identity, Linear
from .loss import (
    BCELoss,
    BCEWithLogitsLoss,
    CosineEmbeddingLoss,
    CrossEntropyLoss,
    GaussianNLLLoss,
    HingeEmbeddingLoss,
    HuberLoss,
    KLDivLoss,
    L1Loss,
    MarginRankingLoss,
    MSELoss,
    MultiLabelSoftMarginLoss,
    MultiMarginLoss,
    NLLLoss,
    PoissonNLLLoss,
    SmoothL1Loss,
    SoftMarginLoss,
    TripletMarginLoss,
)
from .mlp import MLP
from .module import Module, Parameter
from .normalization import BatchNorm1d, BatchNorm2d, GroupNorm, InstanceNorm1d, InstanceNorm2d, LayerNorm, RMSNorm
from .recurrent import GRU, LSTM, RNN, GRUCell, LSTMCell, RNNBase, RNNCell
from .stateless import functional_call
from .training.evaluation import Scores, evaluate
from .training.history import History, HistoryRow
from .training.saved_state import load_checkpoint, save_checkpoint
from .training.tensorboard import TensorBoard
from .training.trainer import Trainer, fit
from .utils import clip_grad_norm_, clip_grad_value_

__all__ = [
    "CELU", "ELU", "GELU", "GLU", "GRU", "LSTM", "MLP", "RNN", "SELU", "AdaptiveAvgPool1d", "AdaptiveAvgPool2d",
    "AdaptiveMaxPool1d", "AdaptiveMaxPool2d", "AvgPool1d", "AvgPool2d", "BCELoss", "BCEWithLogitsLoss",
    "BatchNorm1d", "BatchNorm2d", "Bilinear", "CircularPad1d", "CircularPad2d", "ConstantPad1d", "ConstantPad2d",
    "Conv1d", "Conv2d", "ConvTranspose1d", "ConvTranspose2d", "CosineEmbeddingLoss", "CosineSimilarity",
    "CrossEntropyLoss", "DataLoader", "Dropout", "Dropout1d", "Dropout2d", "Embedding", "EmbeddingBag", "Flatten",
    "Fold", "GRUCell", "GaussianNLLLoss", "GroupNorm", "Hardshrink", "Hardsigmoid", "Hardswish", "Hardtanh",
    "HingeEmbeddingLoss", "History", "HistoryRow", "HuberLoss", "Identity", "InstanceNorm1d", "InstanceNorm2d",
    "KLDivLoss", "L1Loss", "LSTMCell", "LayerNorm", "LeakyReLU", "Linear", "LogSigmoid", "LogSoftmax", "MSELoss",
    "MarginRankingLoss", "MaxPool1d", "MaxPool2d", "Mish", "Module", "ModuleDict", "ModuleList",
    "MultiLabelSoftMarginLoss", "MultiMarginLoss", "MultiheadAttention", "NLLLoss", "PReLU", "PairwiseDistance",
    "Parameter", "ParameterDict", "ParameterList", "PixelShuffle", "PixelUnshuffle", "PoissonNLLLoss", "RMSNorm",
    "RNNBase", "RNNCell", "ReLU", "ReLU6", "ReflectionPad1d", "ReflectionPad2d", "ReplicationPad1d", "ReplicationPad2d",
    "Scores", "Sequential", "SiLU", "Sigmoid", "SmoothL1Loss", "SoftMarginLoss", "Softmax", "Softmin", "Softplus",
    "Softshrink", "Softsign", "Summary", "Tanh", "Tanhshrink", "TensorBoard", "TensorDataset", "Trainer", "Transformer",
    "TransformerDecoder", "TransformerDecoderLayer", "TransformerEncoder", "TransformerEncoderLayer",
    "TripletMarginLoss", "Unflatten", "Unfold", "Upsample", "UpsamplingBilinear2d", "UpsamplingNearest2d", "ZeroPad1d",
    "ZeroPad2d", "clip_grad_norm_", "clip_grad_value_", "data", "distributions", "evaluate", "fit", "functional",
    "functional_call", "gradcheck", "init", "load_checkpoint", "optim", "parallel", "save_checkpoint", "summary",
    "utils", "weights",
]  # fmt: skip

_tell_missing(
    {
        "nn": globals(), "nn.functional": vars(functional), "nn.optim": vars(optim), "nn.init": vars(init),
        "nn.optim.lr_scheduler": vars(optim.lr_scheduler), "nn.optim.swa_utils": vars(optim.swa_utils),
        "nn.data": vars(data), "nn.utils": vars(utils), "nn.utils.rnn": vars(utils.rnn), "nn.parallel": vars(parallel),
        "nn.weights": vars(weights), "nn.distributions": vars(distributions),
    }
)  # fmt: skip
