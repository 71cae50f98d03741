"""Each public docstring says what its kind must: shapes, what is raised, the formula, the formula's source."""

import ast
import inspect
import re
import textwrap

import pytest

import nn
import tinygrad_lecture as tl
import transformer
from nn import functional, init, optim, utils
from nn import loss as losses
from nn.functional import activation, normalization
from nn.functional import loss as loss_functions
from nn.layers import normalization as norms
from nn.module import FunctionLayer
from nn.optim import lr_scheduler
from tinygrad_lecture.autograd.op import Op

PACKAGES = ("tinygrad_lecture", "nn", "transformer")
PLACES = [tl, tl.func, tl.testing, nn, functional, init, optim, lr_scheduler, utils, transformer]
METHODS = [activation, nn.activation, loss_functions, losses, normalization, norms, optim, lr_scheduler, init]
CALLED = ["__init__", "__new__", "__post_init__", "forward"]  # by whoever makes or calls an object of a class
SIZES = r"(?<!\w)\((\.\.\.|[a-z]\w*)(, [a-z\d*./·+ ]{1,12})*,?\)"  # such as (n, m), but not the arguments of a call
POINTER = r"(?:^|\b(?:[Ss]ee|those of|errors of|source of|[Oo]f an?|inverse of) )`([\w.]+)`|`([\w.]+)` has"
RAISED = {"TensorError": "TensorError|ValueError", "DtypeError": "DtypeError|TypeError"}  # ours are Python's too
SAYS = {
    "shapes": rf"->|\b[Ss]hapes?\b|elementwise|broadcast|0-d|with size 1|{SIZES}",
    "formula": r"[=·←≤‖²]|[\w)|] [-+*/^<>]=? [\w(|]|\b(max|min|exp|log|sqrt|cos|tanh|softmax)\(",
    "source": r"arXiv|\b(1[789]|20)\d\d\b|PyTorch",
}


def public():
    """Each public callable of ours, by its name."""
    for place in PLACES:
        for name in getattr(place, "__all__", None) or [name for name in vars(place) if name[0] != "_"]:
            value = getattr(place, name)
            home = getattr(value, "__module__", None) or ""
            if callable(value) and home.startswith(place.__name__ if not hasattr(place, "__all__") else PACKAGES):
                yield f"{place.__name__}.{name}", value


PUBLIC = dict(public())
FILLING = [name for name in vars(init) if re.fullmatch(r"[a-z_]*[a-z]_", name)]
NAMED = {id(getattr(place, name)) for place in METHODS for name in getattr(place, "__all__", FILLING)}


def text(value, follow=2):
    """The docstring of a callable, with those that it points at."""
    told = inspect.cleandoc(value.__doc__ or "")
    if inspect.isclass(value):
        told += "".join(f"\n{vars(value)[name].__doc__}" for name in CALLED if name in vars(value))
    for found in re.findall(POINTER, told) if follow else ():
        end = "." + "".join(found).split(".")[-1]
        told += "".join(text(v, follow - 1) for name, v in PUBLIC.items() if name.endswith(end) and v is not value)
    return told


def tensors(value):
    """Whether it takes or returns Tensors."""
    if inspect.isclass(value):
        return issubclass(value, nn.Module) and (issubclass(value, FunctionLayer) or "forward" in vars(value))
    signature = inspect.signature(value)
    told = [str(p.annotation) for p in signature.parameters.values()][:1] + [str(signature.return_annotation)]
    return isinstance(value, Op) or any(re.search(r"^(?!Callable).*\b(Tensor|Value)\b", each) for each in told)


def method(value):
    """Whether it is an activation, a loss, a norm, an optimiser, a schedule or a way to start weights."""
    return id(value) in NAMED


def sourced(value):
    """Whether somebody proposed it, as ways to start weights by their number of inputs; zeros nobody did."""
    by_inputs = {"gain", "mode"}
    return method(value) and (value.__module__ != init.__name__ or by_inputs & {*inspect.signature(value).parameters})


@pytest.mark.parametrize(("what", "applies"), [("shapes", tensors), ("formula", method), ("source", sourced)])
def test_public_docstrings_say(what, applies):
    assert [name for name, value in PUBLIC.items() if applies(value) and not re.search(SAYS[what], text(value))] == []


def raised(value):
    """The exceptions that a callable's own code raises, as their names in Python."""
    names = [n for n in CALLED if n in vars(value) or n == "__post_init__"] if inspect.isclass(value) else []
    called = [getattr(value, n, ...) for n in names] or [value]
    for function in map(inspect.unwrap, called):
        if not hasattr(function, "__code__") or function.__code__.co_filename.startswith("<"):  # as of a dataclass
            continue
        for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(function)))):
            if isinstance(node, ast.Raise) and (name := re.match(r"[A-Z]\w*", ast.unparse(node.exc or node))):
                yield RAISED.get(name[0], name[0])
    if getattr(value, "explanation", None):
        yield "Raises"


def test_public_docstrings_name_what_is_raised():
    silent = {name: {e for e in raised(value) if not re.search(e, text(value))} for name, value in PUBLIC.items()}
    assert {name: errors for name, errors in silent.items() if errors} == {}
