"""Programs as tutorials write them run here; with the extra parity, they print the numbers of PyTorch."""

import multiprocessing
import os
import re
import runpy
import sys
import warnings

import pytest

from nn.torch.dialect import grad_fn_name
from programs import ROOT, run_python

PROGRAMS = sorted(p for p in (ROOT / "tests" / "torch_programs").glob("*.py") if p.stem != "fixed")


def printed(*command):
    """What a program prints. Fails with its traceback if it ends with an error."""
    done = run_python(*command, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("program", PROGRAMS[::12], ids=lambda program: program.stem)  # the parity test runs all
def test_the_program_runs_here(program):
    assert printed("-m", "nn.torch", str(program))


@pytest.mark.parity
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.stem)
def test_the_program_prints_the_numbers_of_pytorch(program, tmp_path):
    pytest.importorskip("torch")
    here, theirs = printed("-m", "nn.torch", str(program)), printed_by_pytorch(program, tmp_path / "printed.txt")
    assert NUMBER.sub("number", here) == NUMBER.sub("number", theirs)
    for a, b in zip(NUMBER.finditer(here), NUMBER.finditer(theirs), strict=True):
        assert abs(float(a[0]) - float(b[0])) <= 1.01 * last_digit(b), f"{a[0]} here, {b[0]} by PyTorch, in\n{theirs}"


NUMBER = re.compile(r"-?\d+\.(\d*)(?:e([+-]\d+))?")


def last_digit(number):
    """What 1 in the last digit of a printed number is worth: processors round differently."""
    return 10.0 ** (int(number[2] or 0) - len(number[1]))


def printed_by_pytorch(program, path):
    """What a program prints in a fork of this process, which has imported torch: the import takes longer than most."""
    if "fork" not in multiprocessing.get_all_start_methods():
        return printed(str(program))
    import torch  # noqa: F401 - once, before the fork

    process = multiprocessing.get_context("fork").Process(target=run_alone, args=(program, path))
    process.start()
    process.join()
    text = path.read_text(encoding="utf-8")
    assert process.exitcode == 0, text
    return text


def run_alone(program, path):
    """Run a program as `python program` would, with what it prints in a file."""
    import torch

    warnings.simplefilter("default")
    os.chdir(ROOT)
    torch.set_num_threads(1)
    switches = torch.backends.disable_global_flags.__globals__
    switches["__allow_nonbracketed_mutation_flag"] = True  # the import of PyTorch's own tests switches it off
    sys.argv, sys.path[:0] = [str(program)], [str(program.parent)]
    with path.open("w", encoding="utf-8") as sys.stdout:
        runpy.run_path(str(program), run_name="__main__")


# --- what a script prints: models, optimisers, and the steps of backward --------------------------------------

SCRIPT = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(5, 4)
        self.layers = nn.ModuleList([nn.Linear(4, 4) for _ in range(3)])
        self.head = nn.Sequential(nn.Linear(4, 2, bias=False), nn.Tanh(), nn.Softmax(dim=1))
        self.by_name = nn.ModuleDict({"relu": nn.ReLU(), "leaky": nn.LeakyReLU(0.1)})

net = Net()
print(net)
for name, parameter in net.named_parameters():
    print(f"Layer: {name} | Size: {parameter.size()}")
print(nn.MSELoss(), nn.CrossEntropyLoss(), nn.Flatten(), nn.Identity())
x = torch.tensor([[1.0, 3.0], [2.0, 0.5]])
print(net.load_state_dict(net.state_dict()), nn.Linear(1, 1).load_state_dict({"more": x}, strict=False))
print(x.shape, x.shape[1:], x.size(), x.dtype, x.device, type(x))
print(torch.max(x, dim=1), x.min(0), x.sort(), torch.topk(x, 1), x.median(1))
values, indices = x.max(1)
print(values, x.max(1)[1], x.max(1).indices, x.long().dtype == torch.int64, x.dtype is torch.float32)
print(torch.device("cuda:1"), repr(torch.device("cpu")))
print(nn.TransformerEncoderLayer(4, 2))
print(net.state_dict().keys(), type(net.state_dict()))
print(torch.linalg.slogdet(torch.eye(2)), x.layout, torch.strided)
print({"a": x[0], "b": [x[0, 0], x.sum()]}, (x, x.T), nn.Parameter(x[0]))
print(x.clone(memory_format=torch.preserve_format), net.to(memory_format=torch.channels_last))
print(x.view(size=(4, 1)).shape, x.expand(size=(4, 2, 2)).shape, x.new_zeros(size=(2,)))
"""


@pytest.mark.parity
def test_all_of_it_is_what_pytorch_prints(tmp_path):
    pytest.importorskip("torch")
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    assert printed("-m", "nn.torch", script).split("\n") == printed(script).split("\n")


CALLS = """
x.sum(); x.sum(0); x.mean(1); x.max(); x.max(1).values; x.amin(); x.std(); x.norm(); x + 1; x - 1; x * x; x / 2; -x
x ** 2; 2 ** x; x ** x; x.square(); x.exp(); x.log1p(); x.expm1(); x.sigmoid(); x.relu(); x.softmax(1); x.clamp(0, 1)
x[0]; x[0, 1]; x[:, 1:]; x[..., 0]; x[None]; x[x > 2]; x[torch.tensor([0, 1])]; x.T; x.t(); x.mT; x.transpose(0, 1)
x.permute(1, 0); x.view(-1); x.flatten(); x.unsqueeze(0); x.repeat(2, 1); x.clone(); x.double(); x.chunk(2)[0]
x.split(1)[0]; x.unbind()[0]; torch.cat([x, x]); torch.stack([x, x]); x.narrow(0, 0, 1)
x.gather(1, torch.tensor([[0], [1]])); x.masked_fill(x > 2, 0.0); x.cumsum(0); x.sort(1).values; x.logsumexp(1)
x @ x.T; x @ x[0]; x[0] @ x[0]; x[None] @ x.T; torch.outer(x[0], x[0]); torch.where(x > 2, x, 0.0)
torch.linalg.inv(x @ x.T); torch.linalg.det(x @ x.T); torch.maximum(x, x * 2); x.tril(); x.diagonal()
F.cross_entropy(x, i); F.nll_loss(-x, i); F.mse_loss(x, x * 0); F.smooth_l1_loss(x, x * 0); F.huber_loss(x, x * 0)
F.binary_cross_entropy(x.sigmoid(), p); F.binary_cross_entropy_with_logits(x, p); F.l1_loss(x, p); F.embedding(i, x)
F.softplus(x); F.elu(x); F.gelu(x); F.relu(x); F.log_softmax(x, 1); F.linear(x, x); F.linear(x, x, x[:, 0]); F.silu(x)
F.layer_norm(x, (3,)); F.linear(x[None], x)
""".replace("\n", ";").split(";")


@pytest.mark.parity
@pytest.mark.parametrize("call", [call.strip() for call in CALLS if call.strip()])
def test_the_last_step_has_pytorchs_name(call):
    torch = pytest.importorskip("torch")
    import nn.torch as ours

    found = []
    for library in (torch, ours):
        x = library.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 7.0]], requires_grad=True)
        given = {"F": library.nn.functional, "x": x, "i": library.tensor([0, 1]), "p": library.zeros(2, 3)}
        found.append(eval(call, {"torch": library, **given}).grad_fn)
    assert grad_fn_name(found[1]) == found[0].name()
