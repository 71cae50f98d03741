"""The cheat sheet: all ops, layers, losses, optimisers and schedules on one screen.

Their names stand there, and below them the line of the one that is pointed at or has the focus (see site.css). In a
narrow window, without a mouse and in print it is a list of names and lines.
"""

import inspect
import re
from collections.abc import Iterator
from html import escape
from types import ModuleType
from typing import Any

import nn
import tinygrad_lecture as tl
from tinygrad_lecture.autograd.op import Op

Entry = tuple[str, str, str]  # what one types, its first line, and its place in the API reference


def groups() -> dict[str, list[Entry]]:
    """What the sheet lists."""
    made = [*entries(nn, "nn", nn.Module)]
    losses = [entry for entry in made if entry[0].endswith("Loss")]
    return {
        "Ops": [*entries(tl, "tl", Op)],
        "Layers": [entry for entry in made if entry not in losses],
        "Losses": losses,
        "Optimisers": [*entries(nn.optim, "nn.optim", nn.optim.Optimizer)],
        "Schedules": [*entries(nn.optim.lr_scheduler, "lr_scheduler", nn.optim.lr_scheduler.LRScheduler)],
    }


def entries(module: ModuleType, typed: str, kind: type) -> Iterator[Entry]:
    """The public names of a module that are of a kind, without the base itself and other names of the same thing."""
    seen: list[Any] = [kind]
    for name in sorted(module.__all__, key=lambda name: (len(name), name)):
        found = getattr(module, name)
        is_one = issubclass(found, kind) if inspect.isclass(found) else isinstance(found, kind)
        if is_one and not any(found is other for other in seen):
            seen.append(found)
            line = (inspect.getdoc(found) or "").split("\n")[0]
            line = re.sub(r"([,;] at step t)?:$| \([^()]*,$", ".", line)  # what goes on in the next one
            yield f"{typed}.{name}", line, f"{module.__name__.replace('.', '/')}.html#{name}"


def html(reference: str | None) -> str:
    """The sheet. reference: where the API reference lies, None if there is none."""

    def item(typed: str, line: str, place: str) -> str:
        link = "" if reference is None else f' href="{escape(f"{reference}/{place}")}"'
        told = re.sub("`+(.+?)`+", r"<code>\1</code>", escape(line))
        return f'<li><a tabindex="0"{link}><code>{escape(typed)}</code></a> <span>{told}</span></li>'

    sections = "".join(
        f"<section><h2>{title}</h2><ul>{''.join(item(*entry) for entry in sorted(found))}</ul></section>"
        for title, found in groups().items()
    )
    return f'{sections}<p class="line">Point at a name: here stands what it is. Tab goes from name to name.</p>'
