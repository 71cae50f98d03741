"""Every module of PyTorch that a script may import is here, or is refused by name with a reason."""

import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import nn.torch as torch
from nn.torch.missing_names import sentence

ROOT = Path(__file__).parents[3]

IMPORTS = """
import torch.linalg, torch.nn, torch.nn.functional as F, torch.optim as optim, torch.autograd, torch.utils.data as data
from torch.linalg import norm, solve, cholesky
from torch import nn, optim, Tensor, tensor, no_grad, FloatTensor, LongTensor, Size, Generator, device, dtype
from torch.nn import Module, Linear, Parameter, functional
from torch.nn.parameter import Parameter
from torch.nn.modules.module import Module
from torch.nn.modules.loss import MSELoss
from torch.nn.utils import clip_grad_norm_, parameters_to_vector
import torch.nn.init as init, torch.nn.utils.rnn as rnn
from torch.autograd import Variable, grad, Function, set_detect_anomaly
from torch.autograd.functional import jacobian, hessian, vjp, jvp, hvp, vhp
from torch.autograd.function import once_differentiable
from torch.func import functional_call, vmap, grad, jacrev, jacfwd, hessian, stack_module_state, grad_and_value
from torch.optim import SGD, Adam, lr_scheduler
from torch.optim.lr_scheduler import StepLR
from torch.optim.optimizer import Optimizer
from torch.utils.data import Dataset, DataLoader, TensorDataset, random_split
from torch.utils.data.dataset import Dataset
from torch.utils.data.sampler import RandomSampler
from torch.utils.checkpoint import checkpoint
from torch.testing import assert_close
from torch.random import fork_rng
from torch.special import expit
from torch.cuda.amp import autocast, GradScaler
from torch.amp import autocast
import torch.cuda, torch.backends.cudnn as cudnn, torch.version, torch.distributed
import torch.compiler, torch.accelerator, torch.mps
""".strip().splitlines()


def test_what_a_script_imports(tmp_path):
    script = tmp_path / "script.py"
    script.write_text("\n".join(IMPORTS) + "\nprint('all imported')\n")
    command = [sys.executable, "-m", "nn.torch", str(script)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == "all imported\n", done.stderr


REFUSED = """
torch.distributions torch.fft torch.jit torch.sparse torch.onnx torch.fx torch.export torch.hub torch.quantization
torch.ao torch.multiprocessing torch.profiler torch.nested torch.masked torch.overrides torch.library torch.package
torch.signal torch.futures torch.monitor torch.mtia torch._dynamo torch._inductor torch.utils.tensorboard
torch.utils.cpp_extension torch.utils.bottleneck torch.utils.mobile_optimizer torch.utils.model_zoo torch.svd
torch.linalg.svd torch.linalg.svdvals torch.linalg.eigh torch.linalg.eigvalsh torch.linalg.eig torch.lu
torch.matrix_exp torch.linalg.cond torch.complex64 torch.polar torch.stft torch.quantize_per_tensor
torch.sparse_coo_tensor torch.Tensor.to_sparse torch.Tensor.H torch.Tensor.storage torch.Tensor.untyped_storage
torch.Tensor.set_ torch.Tensor.resize_ torch.as_strided torch.hann_window torch.float8_e4m3fn torch.nn.Conv3d
torchvision torchvision.datasets torchtext torchaudio
torch.Tensor.imag torch.Tensor.__torch_function__ torch.nn.Bilinear torch.nn.functional.multi_margin_loss
torch.polygamma torch.special.polygamma torch.kthvalue torch.Tensor.histc torch.heaviside torch.nanmedian
torch.histogram torch.special.erfcx torch.Tensor.geometric_ torch.Tensor.cauchy_ torch.Tensor.log_normal_
"""


@pytest.mark.parametrize("name", REFUSED.split())
def test_what_is_refused_has_a_reason_and_a_remedy(name):
    said = sentence(name)
    assert said.startswith(f"{name} is not here, because "), said


def test_only_names_that_are_much_alike_are_suggested():
    assert "names like it" not in sentence("torch.Tensor.foo_bar", ["floor"])
    assert "names like it are softmax" in sentence("torch.sofmax", ["softmax", "floor"])


@pytest.mark.parametrize("name", ["torch.sofmax", "torch.nn.functional.gelu2", "torch.nn.RReLU6", "torch.fluid"])
def test_no_reason_is_made_up_for_a_name_that_merely_looks_alike(name):
    assert "because" not in sentence(name, ["softmax"])


@pytest.mark.parity
def test_every_module_of_pytorch_is_here_or_refused():
    reference = pytest.importorskip("torch")
    names = [module.name for module in pkgutil.iter_modules(reference.__path__) if module.name[0] != "_"]
    inner = {"functional", "functional_tensor", "return_types", "torch_version"}  # no script imports them
    unexplained = [
        name
        for name in names
        if name not in inner and not hasattr(torch, name) and "because" not in sentence(f"torch.{name}")
    ]
    assert not unexplained


def test_a_tensor_that_wants_to_be_asked_by_functions_is_refused():
    with pytest.raises(TypeError, match="__torch_function__ is not here"):

        class Loud(torch.Tensor):
            def __torch_function__(self, *args):
                return None


def test_a_program_of_ones_own_imports_the_modules_within():
    import nn.torch.nn as layers
    import nn.torch.nn.functional as F
    from nn.torch.optim.lr_scheduler import StepLR
    from nn.torch.utils.data import DataLoader

    assert layers is torch.nn
    assert F is torch.nn.functional
    assert StepLR is torch.optim.lr_scheduler.StepLR
    assert DataLoader is torch.utils.data.DataLoader
    with pytest.raises(ImportError, match=r"torch\.fft is not here, because it needs complex numbers"):
        import nn.torch.fft  # noqa: F401


def test_in_a_program_of_ones_own_shapes_and_dtypes_count_as_pytorchs():
    x = torch.ones(2, 3)
    assert isinstance(x.shape, torch.Size)
    assert isinstance(x.dtype, torch.dtype)
    assert x.dtype == torch.float32


def test_a_program_of_ones_own_can_have_the_dialect(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(
        "import nn.torch as torch\n"
        "from nn.torch.dialect import speak\n"
        "speak()\n"
        "x = torch.ones(2, 3)\n"
        "print(x.shape.numel(), x.dtype.is_floating_point, x.dtype is torch.float32, isinstance((1,), torch.Size))\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, str(program)], capture_output=True, text=True, env=environment)
    assert done.stdout == "6 True True False\n", done.stderr
