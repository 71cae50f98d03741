"""The steps of backward under PyTorch's names, which a script sees; engine programs see those of the functions."""

import pytest

import tinygrad_lecture as tl
from nn.torch.node_names import grad_fn_name

CALLS = """
x.sum(); x.sum(0); x.mean(1); x.max(); x.max(1).values; x.amin(); x.std(); x.norm(); x + 1; x - 1; x * x; x / 2; -x
x ** 2; 2 ** x; x ** x; x.square(); x.exp(); x.log1p(); x.expm1(); x.sigmoid(); x.relu(); x.softmax(1); x.clamp(0, 1)
x[0]; x[0, 1]; x[:, 1:]; x[..., 0]; x[None]; x[x > 2]; x[torch.tensor([0, 1])]; x.T; x.t(); x.mT; x.transpose(0, 1)
x.permute(1, 0); x.view(-1); x.flatten(); x.unsqueeze(0); x.repeat(2, 1); x.clone(); x.double(); x.chunk(2)[0]
x.split(1)[0]; x.unbind()[0]; torch.cat([x, x]); torch.stack([x, x]); torch.vstack([x, x]); x.narrow(0, 0, 1)
x.gather(1, torch.tensor([[0], [1]])); x.masked_fill(x > 2, 0.0); x.cumsum(0); x.sort(1).values; x.logsumexp(1)
x @ x.T; x @ x[0]; x[0] @ x[0]; x[0] @ x.T; x[None] @ x.T; torch.outer(x[0], x[0]); torch.where(x > 2, x, 0.0)
torch.linalg.inv(x @ x.T); torch.linalg.det(x @ x.T); torch.maximum(x, x * 2); torch.atan2(x, x); x.tril(); x.diagonal()
""".replace("\n", ";").split(";")


@pytest.mark.parity
@pytest.mark.parametrize("call", [call.strip() for call in CALLS if call.strip()])
def test_the_last_step_has_pytorchs_name(call):
    torch = pytest.importorskip("torch")
    found = []
    for library in (torch, tl):
        x = library.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 7.0]], requires_grad=True)
        found.append(eval(call, {"torch": library, "x": x}).grad_fn)
    assert grad_fn_name(found[1]) == found[0].name()


LOSSES = """
F.cross_entropy(x, i); F.nll_loss(x, i); F.mse_loss(x, x * 0); F.smooth_l1_loss(x, x * 0); F.huber_loss(x, x * 0)
F.binary_cross_entropy(x.sigmoid(), p); F.binary_cross_entropy_with_logits(x, p); F.l1_loss(x, p); F.embedding(i, x)
F.softplus(x); F.elu(x); F.gelu(x); F.relu(x); F.log_softmax(x, 1); F.linear(x, x); F.linear(x, x, x[:, 0]); F.silu(x)
F.layer_norm(x, (3,)); F.linear(x[None], x)
""".replace("\n", ";").split(";")


@pytest.mark.parity
@pytest.mark.parametrize("call", [call.strip() for call in LOSSES if call.strip()])
def test_a_loss_has_pytorchs_name(call):
    torch = pytest.importorskip("torch")
    import nn.torch as ours

    found = []
    for library in (torch, ours):
        x = library.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 7.0]], requires_grad=True)
        given = {"F": library.nn.functional, "x": x, "i": library.tensor([0, 1]), "p": library.zeros(2, 3)}
        found.append(eval(call, given).grad_fn)
    assert grad_fn_name(found[1]) == found[0].name()
