"""Recurrent networks: RNN, GRU and LSTM over whole sequences, and their cells, which compute one step.

    layers.py   RNN, GRU, LSTM: layers that stand one on the other, in one or both directions
    base.py     what they share: parameters, checks, the way through the layers
    cells.py    RNNCell, GRUCell, LSTMCell

The formula of a step, and the loop over the steps, are ops: `tinygrad_lecture/ops/recurrent.py`.
"""

from .base import RNNBase
from .cells import GRUCell, LSTMCell, RNNCell
from .layers import GRU, LSTM, RNN

__all__ = ["GRU", "LSTM", "RNN", "GRUCell", "LSTMCell", "RNNBase", "RNNCell"]
