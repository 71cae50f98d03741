"""`python -m nn.torch script.py`: arguments, exit codes, tracebacks, and sentences for what is not here."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from nn.torch import __main__ as command

ROOT = Path(__file__).parents[3]


def run(tmp_path, code, *arguments):
    script = tmp_path / "script.py"
    script.write_text(code)
    return subprocess.run(
        [sys.executable, "-m", "nn.torch", str(script), *arguments], cwd=ROOT, capture_output=True, text=True
    )


def test_a_script_gets_its_arguments_its_folder_and_its_exit_code(tmp_path):
    (tmp_path / "beside.py").write_text("value = 7\n")
    code = "import sys, beside\nif __name__ == '__main__':\n    sys.exit(print(sys.argv[1:], beside.value) or 3)\n"
    done = run(tmp_path, code, "--lr", "1")
    assert (done.stdout, done.returncode) == ("['--lr', '1'] 7\n", 3)


@pytest.mark.parametrize(
    "code",
    [
        "from torch.utils.data.distributed import DistributedSampler",
        "import torch.onnx, torch.multiprocessing, torch.profiler, torch.fx, torch.hub, torch.jit, functorch",
        "from torch.distributed.fsdp import FullyShardedDataParallel as FSDP; assert not isinstance(1, FSDP)",
        "import torch; torch.jit.ignore(len)([]); assert not torch.onnx.is_in_onnx_export()",
        "from torch.multiprocessing import Process, Queue, cpu_count; assert cpu_count()",
        "import torch; from functorch import vmap, grad; assert vmap is torch.vmap",
        "from torch.distributions.normal import Normal; from torch.utils.tensorboard import SummaryWriter",
        "from torch.utils.data import Dataset, IterableDataset, get_worker_info, default_collate, random_split",
    ],
)
def test_what_scripts_import_at_their_top_is_there(tmp_path, code):
    done = run(tmp_path, code)
    assert (done.stderr, done.returncode) == ("", 0)


def test_a_traceback_ends_in_the_users_line(tmp_path):
    done = run(tmp_path, "import torch\ntorch.ones(2, 3) @ torch.ones(4, 3)\n")
    assert done.returncode == 1
    assert 'script.py", line 2' in done.stderr
    assert "tinygrad_lecture/" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("tinygrad_lecture.TensorError: matmul")


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import torch.fft", "torch.fft is not here, because it needs complex numbers"),
        ("from torch.nn import Conv3d", "torch.nn.Conv3d is not here, because layers here are of 1 and 2"),
        ("from torch.distributions import Beta", "torch.distributions.Beta is not here, because there are Categorical"),
        ("from torch.nn import CTCLoss", "torch.nn.CTCLoss is not here, because it sums over all alignments"),
        ("import torch; torch.nn.functional.ctc_loss", "torch.nn.functional.ctc_loss is not here, because it sums"),
        ("import torch; torch.svd", "torch.svd is not here, because"),
        ("import torch.jit; torch.jit.script(len)", "torch.jit.script is not here, because Python runs the model"),
        ("from torch.onnx import export; export()", "torch.onnx.export is not here, because there is no exporter"),
        ("from torch.fx.passes import split; split()", "torch.fx.passes.split is not here, because Python runs"),
        ("import torch; torch.hub.load('a')", "torch.hub is not here, because nothing is downloaded"),
        ("import torch.multiprocessing as mp; mp.spawn(len)", "torch.multiprocessing.spawn is not here, because one"),
        ("from torch.nn import MaxUnpool2d", "torch.nn.MaxUnpool2d is not here, because"),
        (
            "import torch; torch.nn.Upsample(None, 2, 'bicubic')",
            "Upsample: mode 'bicubic' is not here; use \"nearest\"",
        ),
        ("import torch; torch.ones(2).foo_bar()", "Tensor.foo_bar is not here; write it with the functions that are"),
        ("import torch; torch.where(torch.ones(2), 1, 2)", "the order is torch.where(condition, a, b) or a.where"),
        ("import torch; torch.ones(2).svd()", "torch.Tensor.svd is not here, because"),
        ("import torch; torch.distributed.init_process_group()", "is not here, because one process trains here"),
        ("import torch; torch.ones(2, 2).H", "torch.Tensor.H is not here, because"),
        ("import torchvision", "torchvision is not here, because"),
        ("import torch; torch.sofmax", "names like it are softmax"),
        ("from torch.optim import Adm", "names like it are Adam"),
        ("import torch; x = torch.ones(2).numpy(); x[0] = 1", "to change the array, x.numpy().copy()"),
    ],
)
def test_what_is_not_here_is_said_in_a_sentence_with_the_line(tmp_path, code, said):
    done = run(tmp_path, code)
    assert said in done.stderr.splitlines()[-1]
    assert 'script.py", line 1' in done.stderr


def test_a_torchvision_that_is_there_is_taken(tmp_path):
    package = tmp_path / "torchvision"
    package.mkdir()
    (package / "__init__.py").write_text("import torch\nfrom . import transforms\nhalf = torch.ones(2) / 2\n")
    (package / "transforms.py").write_text("import torch.nn as nn\nclass ToTensor(nn.Module): pass\n")
    code = "import torchvision\nfrom torchvision.transforms import ToTensor\nprint(torchvision.half, ToTensor())\n"
    assert run(tmp_path, code).stdout == "tensor([0.5000, 0.5000]) ToTensor()\n"
    (package / "transforms.py").write_text("import torch.fft\n")
    done = run(tmp_path, "try:\n    import torchvision\nexcept ImportError as error:\n    print(error)\n")
    assert done.stdout.startswith("torchvision is not here, because it has data sets")
    assert "The one that is installed failed: torch.fft is not here, because" in done.stdout


@pytest.mark.parametrize("arguments", [("-", "a"), ("-c", None, "a")])
def test_a_script_comes_from_standard_input_or_an_argument(arguments):
    code = "import sys, torch\nprint(sys.argv[1:], __name__)\ntorch.ones(2, 3) @ torch.ones(2, 3)\n"
    command_line = [sys.executable, "-m", "nn.torch", *(code if a is None else a for a in arguments)]
    done = subprocess.run(command_line, cwd=ROOT, input=code, capture_output=True, text=True)
    assert done.stdout == "['a'] __main__\n"
    assert "line 3, in <module>\n    torch.ones(2, 3) @ torch.ones(2, 3)\n" in done.stderr


def test_a_script_knows_where_it_is_whatever_the_folder(tmp_path):
    (tmp_path / "script.py").write_text("print(__file__)")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command_line = [sys.executable, "-m", "nn.torch", "script.py"]
    done = subprocess.run(command_line, cwd=tmp_path, capture_output=True, text=True, env=environment)
    assert done.stdout == f"{tmp_path / 'script.py'}\n"


@pytest.mark.parametrize("call", ["torch.save({}, 'x.pt')", "x = torch.load('x.pt')"])
def test_a_script_that_saves_ends_before_training_if_it_cannot(tmp_path, capsys, monkeypatch, call):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    script = tmp_path / "script.py"
    script.write_text(f"import torch\nraise SystemExit('trained for hours')\n{call}\n")
    assert command.main([str(script)]) == 2
    assert "needs the package safetensors: python -m pip install safetensors" in capsys.readouterr().err
