"""Chat templates: programs in Jinja's language, from a model's file, which run in its sandbox and must end.

The sandbox keeps a program from the system, but lets it count to 100,000 within a loop to 100,000, or write a number in
a million columns. So its steps are counted, by a trace function: lines of Python, and what each function that makes
something is given: it makes no more of this than the product of the sizes.
"""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Callable
from datetime import datetime
from functools import cache
from importlib import import_module
from types import FrameType
from typing import Any, NoReturn

from .base import require

STEPS = 1_000_000  # about a second
UNITS = 100  # as many characters count as a step; an element of a list counts as one
MODULES = ("jinja2.filters", "string", __name__)  # all that makes a text is in these, or has such a name
MAKERS = ("call", "call_binop", "str_join", "markup_join")
FORMATS = ("do_format", "format_field")  # their texts have widths


class Endless(BaseException):
    """Raised in a program that takes too many steps; no part of Jinja catches it."""


def render(template: str, **variables: Any) -> str:
    """The text that a template makes.

    Raises ValueError if it fails or refuses, or takes more than STEPS; ImportError without jinja2.
    """
    environment, left, before = _environment(), float(STEPS), sys.gettrace()

    def watch(frame: FrameType, event: str, argument: Any) -> Callable[..., Any]:
        nonlocal left
        left -= 1 if event != "call" or frame.f_trace else _steps(frame)  # one that has been seen is a generator
        if not left >= 0:  # NaN too
            raise Endless("it takes too long, or makes too much")
        return watch

    try:
        program = environment.from_string(template)
        sys.settrace(watch)
        return str(program.render(**variables))
    except (Exception, Endless) as error:  # whatever a program from a file may raise
        raise ValueError(f"the chat template fails: {error}") from None
    finally:
        sys.settrace(before)


def _steps(frame: FrameType) -> float:
    """As how many steps a call counts."""
    name, given, widths = frame.f_code.co_name, dict(frame.f_locals), [1]
    if name not in MAKERS and frame.f_globals.get("__name__") not in MODULES:
        return 1
    if name in FORMATS or given.get("operator") == "%":
        widths += map(int, re.findall(r"\d{1,9}", " ".join(text for text in given.values() if isinstance(text, str))))
    named = [value for key, value in given.pop("kwargs", {}).items() if key[0] != "_"]  # those with _ are Jinja's own
    sizes = [1 + sum(map(_size, [*given.pop("args", ()), *named])), *map(_size, given.values())]
    return 1 + (sum(sizes) if given.get("operator") == "+" else math.prod(sizes) * max(widths)) // UNITS


def _size(value: Any) -> float:
    """The size of a value with all that it holds, in characters; it is no longer counted than a program may run."""
    size, todo = 1.0, [value]
    while todo and size < STEPS * UNITS:
        each = todo.pop()
        each = getattr(getattr(each, "__wrapped__", each), "__self__", each)  # a method's text or list
        if isinstance(each, str | bytes | range):
            size += len(each)
        elif isinstance(each, int | float):
            size += abs(each)
        elif isinstance(each, list | tuple | dict):
            size += UNITS * len(each)
            todo += [*each, *each.values()] if isinstance(each, dict) else each
    return size


@cache
def _environment() -> Any:
    """The sandbox of templates. Nothing is computed before a program runs, and all that makes a text is a call."""
    sandbox = require("jinja2.sandbox", "a chat template")

    def refuse(message: str) -> NoReturn:
        raise ValueError(message)

    same = import_module("jinja2").pass_context(lambda context, value: value)
    made = sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, optimized=False, finalize=same, extensions=["jinja2.ext.loopcontrols"]
    )
    made.intercepted_binops = frozenset(["+", "*", "**", "%"])
    made.concat = lambda texts: _join(list(texts))
    made.filters["tojson"] = lambda value, **settings: json.dumps(value, **{"ensure_ascii": False, **settings})
    made.globals |= {"raise_exception": refuse, "strftime_now": lambda form: datetime.now().strftime(form)}
    del made.filters["sum"]  # of lists it takes the square of their sizes
    return made


def _join(texts: list[str]) -> str:
    return "".join(texts)
