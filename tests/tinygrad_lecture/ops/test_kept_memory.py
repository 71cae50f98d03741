"""How many bytes the record of each fused op keeps for backward besides its inputs."""

import numpy as np
import pytest

import tinygrad_lecture as tl
from op_table import TABLE
from tinygrad_lecture.autograd.versions import arrays_in
from tinygrad_lecture.ops import recurrent, windowed

N, D, KEYS = 5, 8, 7  # rows, their length, keys


def made(*shape):
    return tl.tensor(np.random.default_rng(0).normal(size=shape), dtype=tl.float32, requires_grad=True)


KEPT = {  # op: a call, and how many numbers it keeps
    "linear": (lambda: tl.linear(made(N, D), made(3, D), made(3)), 0),
    "squared_error": (lambda: tl.squared_error(made(N, D), made(N, D)), 0),
    "softmax": (lambda: tl.softmax(made(N, D), -1), N * D),
    "log_softmax": (lambda: tl.log_softmax(made(N, D), -1), N * D),
    "cross_entropy": (lambda: tl.cross_entropy(made(N, D), tl.zeros(N, dtype=tl.int64)), N * D),
    "gelu": (lambda: tl.gelu(made(N, D)), N * D),
    "layer_norm": (lambda: tl.layer_norm(made(N, D), made(D), made(D)), 2 * N),
    "attention_weights": (lambda: tl.attention_weights(made(N, D), made(KEYS, D)), N * KEYS),
    "attention": (lambda: tl.attention(made(N, D), made(KEYS, D), made(KEYS, D)), N * D + N * KEYS),
    "attention of many": (lambda: tl.attention(made(N, D), made(300, D), made(300, D)), N * D),
    "rnn_states": (lambda: recurrent.rnn_states(made(N, D), made(N, D), made(D, D), sizes=(N,)), 2 * N * D),
    "gru_states": (lambda: recurrent.gru_states(made(N, 3 * D), made(N, D), made(3 * D, D), sizes=(N,)), 6 * N * D),
    "lstm_states": (
        lambda: recurrent.lstm_states(made(N, 4 * D), made(N, D), made(N, D), made(4 * D, D), sizes=(N,)),
        8 * N * D,
    ),
    "max_pool": (lambda: windowed.max_pool(made(N, D), size=(2,), stride=2), N * D // 2 // 4),  # bytes
    "causal attention": (lambda: tl.attention(made(65, D), made(65, D), made(65, D), causal=True), 65 * D + 64**2 + 65),
}


@pytest.mark.parametrize("name", KEPT)
def test_a_record_keeps_its_inputs_and_no_more_than_this(name):
    call, numbers = KEPT[name]
    record = call()._node
    inputs = {id(array) for array in arrays_in(list(record.saved[0]))}
    kept = {id(array): array for array in arrays_in(list(record.saved[1:])) if id(array) not in inputs}
    assert sum(array.nbytes for array in kept.values()) == 4 * numbers


def test_every_op_with_a_kernel_is_measured():
    assert {row.name for row in TABLE.values() if row.fused} <= KEPT.keys()
