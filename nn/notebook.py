"""What a notebook shows for modules, histories, trainers and loaders; `repr` says the same as plain text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tinygrad_lecture.inspect.notebook import caption, curves, folded, table


def module_html(module: Any) -> str:
    """A module as a tree that folds: each with its kind, sizes and parameters. A tied one counts at its first place."""
    total = sum(p.numel() for p in module.parameters())
    first = {id(p): name for name, p in module.named_parameters()}
    return caption(type(module).__name__, f"{total:,} parameters") + _inside(module, "", first, open_below=2)


def _inside(module: Any, path: str, first: Mapping[int, str], open_below: int) -> str:
    """The parameters and modules in a module. path: its name, with a dot.  first: the first name of each parameter."""
    own = [
        [name, str(p.shape), *_note(p, path + name, first[id(p)])] for name, p in module.named_parameters(recurse=False)
    ]
    parts = [table(["parameter", "shape", "numbers", ""], own, right=[2])] if own else []
    for name, child in module.named_children():
        inside = f"{path}{name}."
        new = [p.numel() for n, p in child.named_parameters() if first[id(p)] == inside + n]
        shared = "   shared parameters" if list(child.parameters()) else ""
        line = f"{name}: {type(child).__name__}({child.extra_repr()})"
        line += f"   {sum(new):,} parameters" if new else shared
        inner = _inside(child, inside, first, open_below - 1)
        parts.append(folded(line, inner, unfolded=open_below > 1 and bool(inner)))
    return "".join(parts)


def _note(parameter: Any, name: str, first: str) -> tuple[str, str]:
    """How many numbers of a parameter count here, and what it is."""
    if name != first:
        return "0", f"is {first}"
    return f"{parameter.numel():,}", "learnt" if parameter.requires_grad else "frozen"


def history_html(history: Any) -> str:
    """A history as curves, and a table that opens."""
    if not len(history):
        return caption("an empty history")
    pictures = [
        curves(title, {name: ([x for x, _ in points], [y for _, y in points]) for name, points in lines.items()})
        for title, lines in history.curves().items()
    ]
    rows = [
        [f"{row.step:,}", f"{row.epoch:.4g}", str(row), "best" if i == history.best else ""]
        for i, row in enumerate(history)
    ]
    return "".join(pictures) + folded("the rows", table(["step", "epoch", "scores", ""], rows))


def trainer_html(trainer: Any) -> str:
    """A trainer: how far it is, with what, and the history."""
    where = f"step {trainer.step:,} of {trainer.total_steps:,}"
    return (
        caption(f"Trainer of {type(trainer.model).__name__}", where)
        + table(["", ""], facts(trainer))
        + (history_html(trainer.history) if len(trainer.history) else "")
    )


def facts(trainer: Any) -> list[list[str]]:
    """What a trainer works with, in lines of two texts."""
    parameters = sum(p.numel() for p in trainer.model.parameters())
    rows = [
        ["model", f"{type(trainer.model).__name__}, {parameters:,} parameters"],
        ["loss", type(trainer.loss).__name__ if not hasattr(trainer.loss, "__name__") else trainer.loss.__name__],
        ["optimizer", f"{type(trainer.optimizer).__name__}, rate {trainer.optimizer.param_groups[0]['lr']:.4g}"],
        ["done", f"step {trainer.step:,} of {trainer.total_steps:,}"],
    ]
    return rows + ([["folder", str(trainer.folder)]] if trainer.folder is not None else [])


def loader_html(loader: Any) -> str:
    """A loader: its data, and how it is cut into batches."""
    return caption(type(loader).__name__) + table(["", ""], loader_facts(loader))


def loader_facts(loader: Any) -> list[list[str]]:
    """What a loader does, in lines of two texts."""
    dataset = loader.dataset
    rows = f", {len(dataset):,} rows" if hasattr(dataset, "__len__") else ""
    order = "shuffled in every epoch" if loader.shuffle else type(loader.sampler).__name__ if loader.sampler else ""
    facts = [["dataset", f"{type(dataset).__name__}{rows}"]]
    facts += [["batch size", str(loader.batch_size)]] if loader.batch_size is not None else []
    facts += [["order", order]] if order else []
    try:
        return [*facts, ["batches in an epoch", f"{len(loader):,}"]]
    except TypeError:  # a stream has no length
        return facts
