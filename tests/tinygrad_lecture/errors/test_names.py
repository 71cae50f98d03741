"""A name that a module does not have: what to write; and what `dir` lists."""

import re
import subprocess
import sys
import traceback

import pytest

import nn
import tinygrad_lecture as tl
import transformer
from nn import functional as F
from tinygrad_lecture.errors import ELSEWHERE, WRITTEN_OUT

MISSING = [
    (tl, "Grpah", "tl has no attribute 'Grpah'; did you mean tl.Graph?"),
    (tl, "testign", "did you mean tl.testing?"),
    (tl, "save", "write nn.weights.save_file(model.state_dict(), path), or nn.save_checkpoint"),
    (tl, "Adam", "write nn.optim.Adam"),
    (tl, "jacobian", "write tl.func.jacobian"),
    (tl, "concatenate", "write tl.cat"),
    (tl, "kthvalue", "write tl.sort, and of its values"),
    (tl, "nn", "write nn, after `import nn`"),
    (tl.autograd, "grad", "tl.autograd has no attribute 'grad'; write tl.grad"),
    (tl.autograd, "Function", "write tl.func.Function"),
    (tl.func, "jacrev", "write tl.func.jacobian"),
    (tl.linalg, "sovle", "did you mean tl.linalg.solve?"),
    (nn, "Adam", "write nn.optim.Adam"),
    (nn, "relu", "write nn.functional.relu"),  # not tl.relu: what is near comes first
    (nn, "save", "write nn.weights.save_file"),
    (nn, "StepLR", "write nn.optim.lr_scheduler.StepLR"),
    (nn, "tensor", "write tl.tensor"),
    (nn, "CrossEntropy", "did you mean nn.CrossEntropyLoss?"),
    (nn.optim, "adamw", "did you mean nn.optim.AdamW or"),
    (nn.init, "xavier_uniform", "did you mean nn.init.xavier_uniform_?"),
    (nn.weights, "load", "nn.weights.load_file(path)"),
    (F, "ReLU", "write nn.ReLU"),
    (nn, "SoftMarginLoss", "write F.softplus(-y * x).mean()"),
    (F, "soft_margin_loss", "write F.softplus(-y * x).mean()"),
    (transformer, "Gpt", "did you mean transformer.GPT?"),
    (nn, "zzz", "nn has no attribute 'zzz'; dir(nn) lists what it has"),
    (tl.linalg, "foo", "; dir(tl.linalg) lists what it has"),  # not tl.floor
    (tl.linalg, "vander", "; dir(tl.linalg) lists what it has"),
    (nn, "Input", "; dir(nn) lists what it has"),  # not tl.int
    (nn, "Lambda", "; dir(nn) lists what it has"),
    (nn, "sotfmax", "did you mean nn.Softmax?"),
    (transformer, "GTP", "did you mean transformer.GPT?"),  # not tl.gt
    (tl, "Size", "write tuple"),
    (tl, "block_diag", "write tl.zeros, and blocks assigned to slices of it"),
    (tl, "histogram", "write np.histogram(x.numpy(), bins, (min, max))"),
    (tl.testing, "chek_rule", "did you mean tl.testing.check_rule?"),
    (nn.distributions, "Norml", "did you mean nn.distributions.Normal?"),
]


@pytest.mark.parametrize(("module", "name", "message"), MISSING, ids=[f"{m.__name__}.{n}" for m, n, _ in MISSING])
def test_a_missing_name_says_what_to_write(module, name, message):
    with pytest.raises(AttributeError, match=re.escape(message)) as caught:
        getattr(module, name)
    assert "Did you mean" not in "".join(traceback.format_exception_only(caught.value))  # said already, and better
    assert not hasattr(module, name)


def test_a_package_that_was_not_imported_is_to_be_imported(monkeypatch):
    monkeypatch.delattr(nn, "torch", raising=False)
    with pytest.raises(AttributeError, match=r"^nn has no attribute 'torch'; write import nn\.torch$"):
        _ = nn.torch


def test_what_is_named_instead_exists():
    for text in (*ELSEWHERE.values(), *WRITTEN_OUT.values()):
        for path in re.findall(r"\b(?:tl|nn|F)(?:\.\w+)+", text):
            assert eval(path) is not None
    assert all(name == name.lower().replace("_", "") for name in WRITTEN_OUT)


def test_dir_lists_what_is_imported_when_it_is_first_used():
    assert {"page", "Graph", "gradcheck", "tensor"} <= set(dir(tl))
    assert {"Linear", "optim"} <= set(dir(nn))
    assert set(dir(F)) == set(F.__all__)
    for name in dir(tl):
        getattr(tl, name)


def test_help_for_mistakes_costs_nothing_before_one():
    program = (
        "import sys, tinygrad_lecture, nn, transformer; print('difflib' in sys.modules, 'hypothesis' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_a_tensors_missing_method_suggests_only_what_is_alike():
    with pytest.raises(AttributeError) as caught:
        tl.ones(3).foo_bar()
    assert "floor" not in "".join(traceback.format_exception_only(caught.value))
