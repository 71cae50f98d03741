"""Recurrent networks as ops: the states of sequences, each computed from the one before, with the kernels behind them.

They are used by `nn.RNN`, `nn.GRU`, `nn.LSTM` and their cells, which multiply the inputs of all steps by the weights at
once: x below is that product, with a row for each step of each sequence.

    over_time.py            the loop over the steps
    rnn.py  gru.py  lstm.py  the formula of a step

The rows stand step after step: first the first step of every sequence, then the second, and so on. Sequences may have
different lengths; they are sorted, the longest first. `sizes` says how many sequences reach each step: three sequences
of 4, 2 and 1 steps have the sizes (3, 2, 1, 1).
"""

from .gru import gru_states
from .lstm import lstm_states
from .rnn import rnn_states

__all__ = ["gru_states", "lstm_states", "rnn_states"]
