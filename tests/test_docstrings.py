"""Each public docstring says what its kind must: shapes, what is raised, the formula, the formula's source."""

import ast
import inspect
import re
import textwrap
from importlib import import_module

import pytest

import nn
from nn import init
from nn.module import FunctionLayer
from tinygrad_lecture.autograd.op import Op

PACKAGES = ("tinygrad_lecture", "nn", "transformer")
PUBLIC_PLACES = [
    *PACKAGES, "tinygrad_lecture.func", "tinygrad_lecture.testing", "nn.functional", "nn.init", "nn.optim",
    "nn.optim.lr_scheduler", "nn.utils",
]  # fmt: skip
METHODS = [  # of the field: each has a formula, and a source
    "nn.activation", "nn.loss", "nn.mlp", "nn.functional.activation", "nn.functional.loss",
    "nn.functional.normalization", "nn.layers.normalization",
    "nn.layers.recurrent", "nn.layers.transformer", "nn.optim", "nn.optim.lr_scheduler", "nn.init",
]  # fmt: skip
FAMILIES = [f"transformer.{name}" for name in ("bert", "encoder_decoder", "gpt", "llama")]
CALLED = ["__init__", "__new__", "__post_init__", "forward"]  # by whoever makes or calls an object of a class
SIZES = r"(?<!\w)\((\.\.\.|[a-z]\w*)(, [a-z\d_*./·+ ]{1,14})*,?\)"  # such as (n, m), but not the arguments of a call
POINTER = r"(?:^|\b(?:[Ss]ee|those of|errors of|source of|[Oo]f an?|inverse of) )`([\w.]+)`|`([\w.]+)` has"
RAISED = {"TensorError": "TensorError|ValueError", "DtypeError": "DtypeError|TypeError"}  # ours are Python's too
SAYS = {
    "shapes": rf"->|\b[Ss]hapes?\b|elementwise|broadcast|0-d|with size 1|{SIZES}",
    "formula": r"[=·←≤‖²]|[\w)|] [-+*/^<>]=? [\w(|]|\b(max|min|exp|log|sqrt|cos|tanh|softmax)\(",
    "source": r"arXiv|\b(1[789]|20)\d\d\b|PyTorch",
}


def public():
    """Each public callable of ours, and each public method with a docstring, by name."""
    for place in map(import_module, PUBLIC_PLACES):
        for name in getattr(place, "__all__", None) or [name for name in vars(place) if name[0] != "_"]:
            value = getattr(place, name)
            home = getattr(value, "__module__", None) or ""
            if callable(value) and home.startswith(place.__name__ if not hasattr(place, "__all__") else PACKAGES):
                yield f"{place.__name__}.{name}", value
                yield from methods(value) if inspect.isclass(value) else ()


def methods(cls):
    """The public methods and properties of a class and its bases, where ours say something of them."""
    for base in cls.__mro__:
        ours = base.__module__.startswith(PACKAGES) and base.__name__[0] != "_"
        for name, member in vars(base).items() if ours else ():
            function = getattr(member, "__func__", getattr(member, "fget", member))
            if inspect.isfunction(function) and function.__doc__ and name[0] != "_":
                yield f"{base.__module__}.{base.__name__}.{name}", function


PUBLIC = dict(public())


def members(places):
    """The ids of the public members of some places; of nn.init what fills a tensor, such as normal_."""
    for place in map(import_module, places):
        for name in getattr(place, "__all__", filter(re.compile("[a-z_]*[a-z]_").fullmatch, vars(place))):
            yield id(getattr(place, name))


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
    told = [str(p.annotation) for p in signature.parameters.values()][:2] + [str(signature.return_annotation)]
    return isinstance(value, Op) or any(re.search(r"^(?!Callable|Iterator).*\b(Tensor|Value)\b", each) for each in told)


CONVOLUTIONS = nn.Conv1d, nn.Conv2d, nn.ConvTranspose1d, nn.ConvTranspose2d
FORMULAS = {*members(METHODS), *map(id, (*CONVOLUTIONS, nn.functional.scaled_dot_product_attention))}
SOURCES = FORMULAS | {*members(FAMILIES)}


def proposed(value):
    """Whether somebody proposed it. Nobody did numbers that don't depend on what stands around them, as `zeros_`."""
    plain = value.__module__ == init.__name__ and not {"gain", "mode"} & {*inspect.signature(value).parameters}
    return id(value) in SOURCES and not plain


@pytest.mark.parametrize(
    ("what", "applies"),
    [("shapes", tensors), ("formula", lambda f: id(f) in FORMULAS), ("source", proposed)],
    ids=[*SAYS],
)
def test_public_docstrings_say(what, applies):
    assert [name for name, value in PUBLIC.items() if applies(value) and not re.search(SAYS[what], text(value))] == []


def raised(value):
    """The exceptions that a callable's own code raises, as their names in Python."""
    names = [n for n in CALLED if n in vars(value) or n == "__post_init__"] if inspect.isclass(value) else []
    called = [getattr(value, n, ...) for n in names] or [value]
    for function in map(inspect.unwrap, called):
        code = getattr(function, "__code__", None)
        if code is None or "<" in code.co_filename + code.co_name:  # as of a dataclass, or a lambda
            continue
        for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(function)))):
            if isinstance(node, ast.Raise) and (name := re.match(r"[A-Z]\w*", ast.unparse(node.exc or node))):
                yield RAISED.get(name[0], name[0])
    if getattr(value, "explanation", None):
        yield "Raises"


def test_public_docstrings_name_what_is_raised():
    silent = {name: {e for e in raised(value) if not re.search(e, text(value))} for name, value in PUBLIC.items()}
    assert {name: errors for name, errors in silent.items() if errors} == {}
