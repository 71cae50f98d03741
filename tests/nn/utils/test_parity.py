"""nn.utils against PyTorch's: norms, vectors, computed weights, with the same keys."""

import numpy as np
import pytest

import nn
import tinygrad_lecture as tl

torch = pytest.importorskip("torch")

from torch_parity import close, to_torch  # noqa: E402 - it needs torch

pytestmark = pytest.mark.parity


def pair(**settings):
    """A linear layer of ours and one of PyTorch's, in float64 with the same weights."""
    ours, theirs = nn.Linear(4, 3).double(), torch.nn.Linear(4, 3).double()
    theirs.load_state_dict(to_torch(ours.state_dict()))
    return ours, theirs


def trained_alike(ours, theirs, steps=5):
    """Whether both compute the same, also after some steps of SGD."""
    x = np.random.default_rng(0).normal(size=(5, 4))
    a, b = nn.optim.SGD(ours.parameters(), 0.1), torch.optim.SGD(theirs.parameters(), 0.1)
    for step in range(steps):
        y, z = ours(tl.tensor(x)), theirs(torch.tensor(x))
        close(y, z, f"output at step {step}", "float64")
        for loss, optimizer in (((y**2).sum(), a), ((z**2).sum(), b)):
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


@pytest.mark.parametrize("dim", [0, 1, None])
def test_weight_norm(dim):
    ours, theirs = pair()
    nn.utils.parametrizations.weight_norm(ours, dim=dim)
    torch.nn.utils.parametrizations.weight_norm(theirs, dim=dim)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    trained_alike(ours, theirs)


@pytest.mark.parametrize("settings", [{}, {"n_power_iterations": 3}, {"dim": 1}])
def test_spectral_norm(settings):
    ours, theirs = pair()
    nn.utils.parametrizations.spectral_norm(ours, **settings)
    torch.nn.utils.parametrizations.spectral_norm(theirs, **settings)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    theirs.load_state_dict(to_torch(ours.state_dict()))
    trained_alike(ours, theirs)
    trained_alike(ours.eval(), theirs.eval())


def test_the_parametrization_of_a_tutorial():
    class Ours(nn.Module):
        def forward(self, x):
            return x.triu() + x.triu(1).transpose(-1, -2)

    class Theirs(torch.nn.Module):
        def forward(self, x):
            return x.triu() + x.triu(1).transpose(-1, -2)

    ours, theirs = nn.Linear(4, 4).double(), torch.nn.Linear(4, 4).double()
    theirs.load_state_dict(to_torch(ours.state_dict()))
    nn.utils.parametrize.register_parametrization(ours, "weight", Ours())
    torch.nn.utils.parametrize.register_parametrization(theirs, "weight", Theirs())
    assert list(ours.state_dict()) == list(theirs.state_dict())
    trained_alike(ours, theirs)


@pytest.mark.parametrize("order", [1, 2.0, 3, "inf", float("inf")])
def test_total_norm(order):
    arrays = [np.random.default_rng(i).normal(size=shape) for i, shape in enumerate([(2, 3), (4,), ()])]
    ours = nn.utils.get_total_norm([tl.tensor(x) for x in arrays], order, foreach=False)
    theirs = torch.nn.utils.get_total_norm([torch.tensor(x) for x in arrays], order)
    close(ours, theirs, "norm", "float64")


def test_vectors():
    ours, theirs = pair()
    close(
        nn.utils.parameters_to_vector(ours.parameters()),
        torch.nn.utils.parameters_to_vector(theirs.parameters()),
        "vector",
        "float64",
    )
    new = np.arange(15.0)
    nn.utils.vector_to_parameters(tl.tensor(new), ours.parameters())
    torch.nn.utils.vector_to_parameters(torch.tensor(new), theirs.parameters())
    close(ours.weight, theirs.weight, "weight", "float64")
