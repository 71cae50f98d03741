"""The command, and what a script may import: here, or refused by name with a reason."""

import pkgutil

import pytest

import nn.torch as torch
from nn.torch import __main__ as command
from nn.torch.missing_names import sentence
from programs import ROOT, run_python


def run(tmp_path, code, *arguments):
    script = tmp_path / "script.py"
    script.write_text(code)
    return run_python("-m", "nn.torch", script, *arguments, cwd=ROOT)


def test_a_script_gets_its_arguments_and_folder_and_a_traceback_ends_in_its_line(tmp_path):
    (tmp_path / "beside.py").write_text("value = 7\n")
    code = "import sys, beside, torch\nprint(sys.argv[1:], beside.value, __name__, __file__)\n"
    code += "torch.ones(2) @ torch.ones(3)"
    done = run(tmp_path, code, "--lr", "1")
    assert (done.stdout, done.returncode) == (f"['--lr', '1'] 7 __main__ {tmp_path / 'script.py'}\n", 1)
    assert 'script.py", line 3' in done.stderr and "tinygrad_lecture/" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("tinygrad_lecture.TensorError: matmul")


def test_what_is_not_here_is_said_in_a_sentence_with_the_line(tmp_path):
    rows = [
        ("import torch.fft", "torch.fft is not here, because it needs complex numbers"),
        ("from torch.nn import Conv3d", "torch.nn.Conv3d is not here, because layers here are of 1 and 2"),
        ("import torch.jit; torch.jit.script(len)", "torch.jit.script is not here, because Python runs the model"),
        ("from torch.onnx import export; export()", "torch.onnx.export is not here, because there is no exporter"),
        ("import torch; torch.hub.load('a')", "torch.hub is not here, because nothing is downloaded"),
        ("import torch.multiprocessing as mp; mp.spawn(len)", "torch.multiprocessing.spawn is not here, because one"),
        ("import torch; torch.nn.Upsample(None, 2, 'bicubic')(torch.ones(1, 1, 2, 2))", "interpolate: mode 'bicubic"),
        ("import torch; torch.ones(2).foo_bar()", "Tensor.foo_bar is not here; write it with those here"),
        ("import torch; torch.distributed.init_process_group()", "is not here, because one process trains here"),
        ("import torchvision", "torchvision is not here, because"),
        ("import torch; torch.sofmax", "names like it are softmax"),
        ("import torch; x = torch.ones(2).numpy(); x[0] = 1", "to change the array, x.numpy().copy()"),
    ]
    scripts = [tmp_path / f"script{k}.py" for k in range(len(rows))]
    for script, (code, _) in zip(scripts, rows, strict=True):
        script.write_text(code)
    each = "import sys; from nn.torch.__main__ import main; [main([script]) for script in sys.argv[1:]]"
    reports = run_python("-c", each, *scripts, cwd=ROOT).stderr.split("Traceback ")[1:]
    for script, (code, said), report in zip(scripts, rows, reports, strict=True):
        assert said in report.splitlines()[-1], code
        assert f'{script.name}", line 1' in report


@pytest.mark.parametrize("call", ["torch.save({}, 'x.pt')", "x = torch.load('x.pt')"])
def test_a_script_that_saves_ends_before_training_if_it_cannot(tmp_path, capsys, monkeypatch, call):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    script = tmp_path / "script.py"
    script.write_text(f"import torch\nraise SystemExit('trained for hours')\n{call}\n")
    assert command.main([str(script)]) == 2
    assert "needs the package safetensors: python -m pip install safetensors" in capsys.readouterr().err


IMPORTS = """
import torch.linalg, torch.optim as optim, torch.autograd, torch.utils.data as data
from torch import nn, optim, Tensor, tensor, no_grad, FloatTensor, LongTensor, Size, Generator, device, dtype
from torch.nn.modules.loss import MSELoss
from torch.nn.utils import clip_grad_norm_, parameters_to_vector
import torch.nn.init as init, torch.nn.utils.rnn as rnn
from torch.autograd import Variable, grad, Function, set_detect_anomaly
from torch.autograd.functional import jacobian, hessian
from torch.optim.lr_scheduler import StepLR, _LRScheduler
from torch.optim.optimizer import Optimizer, required
from torch.utils.data import default_collate
from torch.utils.data.sampler import RandomSampler
from torch.utils.checkpoint import checkpoint
from torch.testing import assert_close
from torch.cuda.amp import autocast, GradScaler
import torch.cuda, torch.backends.cudnn as cudnn, torch.version, torch.distributed, torch.compiler, torch.mps
from torch.utils.data.distributed import DistributedSampler
import torch.onnx, torch.multiprocessing, torch.profiler, torch.fx, torch.hub, torch.jit, functorch
from torch.distributed.fsdp import FullyShardedDataParallel as FSDP; assert not isinstance(1, FSDP)
import torch; torch.jit.ignore(len)([]); assert not torch.onnx.is_in_onnx_export()
import torch; from functorch import vmap, grad; assert vmap is torch.vmap
from torch.distributions.normal import Normal; from torch.utils.tensorboard import SummaryWriter
""".strip().splitlines()


def test_what_a_script_imports(tmp_path):
    done = run(tmp_path, "\n".join([*IMPORTS, "print('all imported')"]))
    assert (done.stdout, done.stderr) == ("all imported\n", "")


REFUSED = "nn.Fold nn.TripletMarginLoss addmv autograd.functional.vjp fft.rfft sparse svd linalg.eigh Tensor.H"
REFUSED += " nn.Conv3d nn.CTCLoss distributions.Beta linalg.vander hsplit index_copy"


@pytest.mark.parametrize("name", REFUSED.split())
def test_what_is_refused_has_a_reason_and_a_remedy(name):
    said = sentence(f"torch.{name}")
    assert said.startswith(f"torch.{name} is not here, because "), said


def test_no_name_is_suggested_and_no_reason_made_up_for_what_merely_looks_alike():
    assert "names like it" not in sentence("torch.Tensor.foo_bar", ["floor"])
    for name in ("torch.sofmax", "torch.nn.functional.gelu2", "torch.nn.RReLU6", "torch.fluid"):
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
    x = torch.ones(2, 3)
    assert isinstance(x.shape, torch.Size) and isinstance(x.dtype, torch.dtype) and x.dtype == torch.float32
