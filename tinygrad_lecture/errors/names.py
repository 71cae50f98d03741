"""Names that a module does not have: where the name is instead, or which one is spelt alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any

_modules: dict[str, dict[str, Any]] = {}  # as a program writes a module, such as "nn.optim" -> what it holds

RARE = {  # functions of PyTorch's that few programs call -> what to write here
    "polygamma": "tl.digamma and its derivatives, by tl.func.grad",
    "kthvalue": "tl.sort, and of its values and indices the one at k - 1",
    **dict.fromkeys(("histc", "histogram"), "np.histogram(x.numpy(), bins, (min, max))"),
    "heaviside": "tl.where(x == 0, values, (x > 0).to(x.dtype))",
    "copysign": "tl.where(tl.signbit(y), -abs(x), abs(x))",
    "sinc": "tl.where(x == 0, 1, tl.sin(y) / tl.where(x == 0, 1, y)) with y = tl.pi * x",
    "logcumsumexp": "(x - m).exp().cumsum(dim).log() + m with m = x.amax(dim, True)",
    "nanquantile": "tl.quantile(x[~x.isnan()], q)",
    "nanmedian": "x[~x.isnan()].median()",
    **dict.fromkeys(("trapezoid", "trapz"), "((y[..., 1:] + y[..., :-1]) / 2 * dx).sum(-1)"),
    "cumulative_trapezoid": "((y[..., 1:] + y[..., :-1]) / 2 * dx).cumsum(-1)",
    **dict.fromkeys(("cummax", "cummin"), "a loop with tl.maximum or tl.minimum and tl.stack"),
    "block_diag": "tl.zeros, and blocks assigned to slices of it",
    **dict.fromkeys(("fmax", "fmin"), "tl.maximum or tl.minimum of x.nan_to_num(bound)"),
}

ELSEWHERE = {  # a name, of PyTorch or NumPy -> what to write here
    "nn": "nn, after `import nn`",
    "optim": "nn.optim, after `import nn`",
    "utils": "nn.utils, after `import nn`",
    "save": "nn.weights.save_file(model.state_dict(), path), or nn.save_checkpoint for the optimizer too",
    "load": "model.load_state_dict(nn.weights.load_file(path)), or nn.load_checkpoint",
    "jacrev": "tl.func.jacobian",
    "jacfwd": "tl.func.jacobian",
    "functional": "tl.func",
    "array": "tl.tensor",
    "Variable": "tl.tensor(data, requires_grad=True)",
    "Size": "tuple",
    "concatenate": "tl.cat",
    "cuda": "tl.cuda_is_available() or x.cuda()",
    **RARE,
}

WRITTEN_OUT = {  # what PyTorch's nn has and is not here, without capitals and underscores -> what to write
    **dict.fromkeys(
        ("parametrize", "parametrizations", "registerparametrization", "spectralnorm", "orthogonal"),
        "a layer whose forward computes the weight, as in F.linear(x, weight.triu())",
    ),
    "weightnorm": "a layer whose forward computes the weight, F.linear(x, g * v / v.norm(dim=1, keepdim=True), bias)",
    "bilinear": "tl.einsum('...i, kij, ...j -> ...k', x1, weight, x2) + bias",
    "marginrankingloss": "tl.relu(margin - y * (x1 - x2)).mean()",
    "hingeembeddingloss": "tl.where(y == 1, x, tl.relu(margin - x)).mean()",
    "cosineembeddingloss": "tl.where(y == 1, 1 - cos, tl.relu(cos - margin)).mean(), cos = F.cosine_similarity(x1, x2)",
    "softmarginloss": "F.softplus(-y * x).mean()",
    "multimarginloss": "F.cross_entropy",
    "multilabelsoftmarginloss": "F.binary_cross_entropy_with_logits",
    "tripletmarginloss": "tl.relu(near - far + margin).mean(), near and far by F.pairwise_distance(anchor, ...)",
    "gaussiannllloss": "(tl.log(var) + (x - y) ** 2 / var).mean() / 2",
    "poissonnllloss": "(tl.exp(x) - y * x).mean()",
}


def written_out(name: str) -> str | None:
    """What to write for a layer or loss of PyTorch that is not here; None for other names."""
    return WRITTEN_OUT.get(name.lower().replace("_", ""))


def alike(name: str, names: Iterable[str], least: float = 0.8) -> list[str]:
    """The names spelt like this one, in upper or lower case, the most alike first.

    least: the part of the letters of both that must agree. 0.8 is one letter too few or too many in a name of three,
    and no more. Names of the same letters in another order come first.
    """
    import difflib  # here, to keep the import of the library light

    wanted = name.lower()
    spellings = {known.lower(): known for known in names}
    swapped = [known for known in spellings if sorted(known) == sorted(wanted)]
    return [spellings[x] for x in dict.fromkeys([*swapped, *difflib.get_close_matches(wanted, spellings, 3, least)])]


def tell_missing(modules: Mapping[str, dict[str, Any]], later: Mapping[str, str] | None = None) -> None:
    """Give modules a `__getattr__` whose AttributeError says what to write, and a `__dir__`.

    modules: what each holds, by the name under which a program writes it.  later: of the first of them, names that are
    imported when they are first used, with the module that has each.
    """
    _modules.update(modules)
    for written, held in modules.items():
        _tell(written, held, later or {})
        later = None


def _tell(written: str, held: dict[str, Any], later: Mapping[str, str]) -> None:
    def missing(name: str) -> Any:
        if name in later:
            module = import_module(later[name], held["__package__"])
            return held.setdefault(name, vars(module).get(name, module))
        remedy = "" if name.startswith("_") else _remedy(written, name, later)
        raise AttributeError(f"{written} has no attribute {name!r}{remedy}", name=name)  # no obj: Python adds nothing

    held["__getattr__"] = missing  # set here: in a module's text, it would define every name for type checkers
    held["__dir__"] = lambda: sorted(held.get("__all__", held))


def _remedy(written: str, name: str, later: Iterable[str]) -> str:
    own = _modules[written]["__name__"]
    if "__path__" in _modules[written] and find_spec(f"{own}.{name}") is not None:
        return f"; write import {own}.{name}"
    if name in ELSEWHERE and ELSEWHERE[name] != written:
        return f"; write {ELSEWHERE[name]}"
    if (formula := written_out(name)) is not None:
        return f"; write {formula}"
    package = written.partition(".")[0]
    places = sorted(_modules, key=lambda place: (place.partition(".")[0] != package, place.count(".")))
    exact = next((place for place in places if name in _public(place)), None)
    if exact is not None:
        return f"; write {exact}.{name}"
    for place in (written, *places):
        least = 0.8 if place == written else 0.9  # elsewhere is a name more likely alike by chance
        if found := alike(name, {*_public(place), *(later if place == written else ())}, least):
            return f"; did you mean {' or '.join(f'{place}.{other}' for other in found)}?"
    return f"; dir({written}) lists what it has"


def _public(place: str) -> Iterable[str]:
    """The names that a module shows: those it lists, else those it defines."""
    held = _modules[place]
    home = held["__name__"]
    own = [name for name, x in held.items() if name[0] != "_" and str(getattr(x, "__module__", "")).startswith(home)]
    return held.get("__all__") or own
