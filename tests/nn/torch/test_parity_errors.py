"""Where PyTorch raises an error, `except` with its class catches ours."""

from __future__ import annotations

import pytest

reference = pytest.importorskip("torch")

import nn.torch as ours  # noqa: E402

pytestmark = [pytest.mark.parity, pytest.mark.filterwarnings("ignore")]

CALLS = """
nn.Linear(3, 4)(torch.ones(2, 5))
nn.Conv2d(3, 4, 3)(torch.ones(1, 1, 8, 8))
nn.Conv2d(1, 4, 9)(torch.ones(1, 1, 4, 4))
nn.ConvTranspose2d(1, 1, 2)(torch.ones(1, 2, 3, 3))
nn.BatchNorm1d(3)(torch.ones(4, 5))
nn.LayerNorm(3)(torch.ones(4, 5))
nn.GroupNorm(2, 4)(torch.ones(2, 5))
nn.LSTM(3, 4)(torch.ones(4, 2, 5))
nn.GRU(3, 4)(torch.ones(2, 1, 3), torch.zeros(1, 2, 4))
nn.Sequential(nn.Linear(2, 3), nn.Linear(4, 1))(torch.ones(1, 2))
nn.Unflatten(1, (2, 2))(torch.ones(2, 3))
nn.PixelShuffle(2)(torch.ones(1, 3, 2, 2))
nn.Embedding(3, 4)(torch.tensor([3]))
nn.Embedding(3, 4)(torch.ones(2))
F.max_pool2d(torch.ones(2, 2), 2)
F.pad(torch.ones(2, 3), (1,))
F.scaled_dot_product_attention(torch.ones(1, 2, 3), torch.ones(1, 2, 4), torch.ones(1, 2, 3))
F.mse_loss(torch.ones(2), torch.ones(3))
F.l1_loss(torch.ones(2), torch.ones(3))
F.binary_cross_entropy(torch.tensor([1.5]), torch.tensor([1.0]))
F.binary_cross_entropy(torch.ones(2), torch.ones(3))
F.cross_entropy(torch.ones(2, 3), torch.tensor([0, 1, 2]))
F.cross_entropy(torch.ones(2, 3), torch.tensor([[0], [1]]))
F.cross_entropy(torch.ones(2, 3), torch.tensor([0, 3]))
F.nll_loss(torch.ones(2, 3), torch.ones(2))
F.one_hot(torch.ones(2))
F.one_hot(torch.tensor([3]), 2)
F.softmax(torch.tensor([1, 2]), 0)
torch.tensor([True]) - torch.tensor([True])
-torch.tensor([True])
torch.zeros(2, 2).masked_fill(torch.ones(2), 1.0)
torch.where(torch.ones(2), 1.0, 2.0)
torch.ones(2, 3).gather(1, torch.tensor([[5]]))
torch.ones(2, 3).gather(1, torch.tensor([[0.5]]))
torch.ones(2, 3).scatter(1, torch.tensor([[5]]), 1.0)
torch.ones(2, 3).scatter_add(1, torch.tensor([[5]]), torch.ones(1, 1))
torch.ones(2, 3).index_select(1, torch.tensor([5]))
torch.ones(2, 3).index_add(1, torch.tensor([5]), torch.ones(2, 1))
torch.ones(2, 3).index_add(0, torch.tensor([5]), torch.ones(1, 3))
torch.ones(2, 3).index_copy(1, torch.tensor([5]), torch.ones(2, 1))
torch.ones(2).narrow(0, 1, 5)
torch.ones(2).select(0, 5)
torch.ones(2)[2]
torch.ones(2)[torch.tensor([2])]
torch.ones(2).sum(1)
torch.linalg.cholesky(-torch.eye(2))
torch.linalg.inv(torch.zeros(2, 2))
torch.linalg.solve(torch.zeros(2, 2), torch.ones(2))
torch.randint(5, 2, (1,))
torch.bernoulli(torch.tensor([1.5]))
torch.bincount(torch.tensor([0.5]))
torch.nn.utils.rnn.pad_sequence([torch.ones(2, 3), torch.ones(2, 4)])
torch.nn.utils.rnn.pack_padded_sequence(torch.ones(2, 3, 4), [1, 2, 3])
torch.tensor(None)
F.prelu(torch.ones(2, 3, 4), torch.ones(4))
F.prelu(torch.ones(2, 1, 4), torch.ones(3))
F.prelu(torch.ones(2, 4), torch.ones(1, 4))
F.hardtanh(torch.ones(3), 1.0, -1.0)
F.softshrink(torch.ones(3), -1)
F.celu(torch.ones(3), 0)
F.avg_pool2d(torch.ones(1, 1, 4, 4), 2, divisor_override=0)
F.batch_norm(torch.ones(3, 2), None, None, training=True, eps=0)
F.interpolate(torch.ones(1, 1, 4), scale_factor=2, mode="bilinear")
F.interpolate(torch.ones(1, 1, 4), scale_factor=2, align_corners=False)
F.interpolate(torch.ones(1, 1, 4, dtype=torch.int64), scale_factor=2, mode="linear")
F.one_hot(torch.tensor([0, 2]), -2)
torch.zeros(3, 3).index_add(0, torch.tensor([0, 1]), torch.ones(1, 3))
torch.zeros(3, 3).index_add(0, torch.tensor([0, 1]), torch.ones(2, 1))
torch.zeros(3, 3).index_copy(0, torch.tensor([0, 1]), torch.ones(1, 3))
torch.zeros(3, 3).index_fill(0, torch.tensor([0, 1]), torch.ones(1))
torch.zeros(3, 3).masked_fill(torch.ones(3, 3) > 0, torch.ones(3))
torch.zeros(3, 3).masked_fill_(torch.ones(3, 3) > 0, torch.ones(1))
torch.index_select(torch.ones(2, 2), 0, torch.zeros(2, 2, dtype=torch.int64))
torch.topk(torch.tensor(5.0), 2)
torch.transpose(torch.tensor(5.0), 0, 1)
torch.diff(torch.ones(3), n=-1)
torch.linalg.cross(torch.ones(3, 1), torch.ones(3, 3))
torch.einsum("ii->i", torch.ones(1, 3))
torch.hsplit(torch.tensor(1.0), 2)
torch.vsplit(torch.ones(4), 2)
torch.dsplit(torch.ones(4, 4), 2)
torch.zeros(3).normal_(0, -1)
torch.zeros(3).uniform_(1, 0)
torch.zeros(3).exponential_(0)
torch.zeros(3).random_(3, 2)
torch.normal(torch.zeros(2), torch.tensor([1.0, -1.0]))
torch.mm(torch.eye(2, dtype=torch.float64), torch.eye(2, dtype=torch.float64), out=torch.eye(2))
F.relu((torch.ones(3), torch.ones(3)))
torch.exp((torch.ones(3), torch.ones(3)))
torch.ones(3) + [torch.ones(3)]
nn.Linear(3, 2)((torch.ones(3), torch.ones(3)))
""".strip().splitlines()


def raised(torch, call):
    with pytest.raises((RuntimeError, ValueError, TypeError, IndexError)) as caught:
        eval(call, {"torch": torch, "nn": torch.nn, "F": torch.nn.functional})
    return caught.value


@pytest.mark.parametrize("call", CALLS)
def test_the_class_that_pytorch_raises_catches_ours(call):
    wanted, error = raised(reference, call), raised(ours, call)
    if isinstance(wanted, reference.linalg.LinAlgError):
        assert isinstance(error, ours.linalg.LinAlgError)
    kinds = (IndexError, NotImplementedError, RuntimeError, ValueError, TypeError)
    kind = next(k for k in kinds if isinstance(wanted, k))
    assert isinstance(error, RuntimeError if kind is NotImplementedError else kind), repr(error)


def test_the_loop_that_adds_jitter_to_a_matrix_works():
    for torch in (ours, reference):
        matrix, jitter = torch.tensor([[1.0, 1.0], [1.0, 1.0 - 1e-6]]), 0.0
        while True:
            try:
                torch.linalg.cholesky(matrix + jitter * torch.eye(2))
                break
            except torch.linalg.LinAlgError:
                jitter = 10 * jitter or 1e-6
        assert 0 < jitter < 1e-3
