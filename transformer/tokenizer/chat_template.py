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
LONGEST = 100_000  # characters of a template
MAKERS = re.compile(rf"jinja2\.(filters\..*|sandbox\.call.*|runtime\..*_join)|{re.escape(__name__)}\..*")
FORMATS = re.compile(r"jinja2\.filters\.do_format|string\.format_field")  # whose texts have widths


class Endless(BaseException):
    """Raised in a program that takes too many steps; no part of Jinja catches it."""


def render(template: str, **variables: Any) -> str:
    """The text that a template makes.

    Raises ValueError if it fails or refuses, or takes more than STEPS; ImportError without jinja2.
    """
    left = STEPS

    def watch(frame: FrameType, event: str, argument: Any) -> Callable[..., Any]:
        nonlocal left
        left -= 1 if event != "call" or frame.f_trace else _steps(frame)  # one that has been seen is a generator
        if not left >= 0:  # NaN too
            raise Endless("it takes too long, or makes too much")
        return watch

    before = sys.gettrace()
    try:
        program = _program(template)
        sys.settrace(watch)
        return str(program.render(**variables))
    except (Exception, Endless) as error:  # whatever a program from a file may raise
        raise ValueError(f"the chat template fails: {error}") from None
    finally:
        sys.settrace(before)


def _steps(frame: FrameType) -> float:
    """As how many steps a call counts."""
    name, given = f"{frame.f_globals.get('__name__')}.{frame.f_code.co_name}", dict(frame.f_locals)
    operator = given.get("operator")
    widths = [1]
    if FORMATS.fullmatch(name) or operator == "%":
        widths += map(int, re.findall(r"\d{1,9}", " ".join(text for text in given.values() if isinstance(text, str))))
    elif not MAKERS.fullmatch(name):
        return 1
    named = [value for key, value in given.pop("kwargs", {}).items() if key[0] != "_"]  # those with _ are Jinja's own
    sizes = [sum(map(_size, [*given.pop("args", ()), *named])) or 1, *map(_size, given.values())]
    return 1 + (sum(sizes) if operator == "+" else math.prod(sizes) * max(widths)) // UNITS


def _size(value: Any) -> float:
    """The size of a value with all that it holds, in characters; it is no longer counted than a program may run."""
    size, todo = 0, [value]
    while todo and size < STEPS * UNITS:
        each = todo.pop()
        each = getattr(getattr(each, "__wrapped__", each), "__self__", each)  # a method's text or list
        if isinstance(each, str | bytes | range):
            size += len(each)
        elif isinstance(each, int | float):
            size += abs(each)
        elif isinstance(each, list | tuple | dict):
            size += UNITS * len(each)
            todo += each
            todo += each.values() if isinstance(each, dict) else ()
    return max(size, 1)


@cache
def _environment() -> Any:
    """The sandbox of templates. Nothing is computed before a program runs, and all that makes something is a call."""
    sandbox = require("jinja2.sandbox", "a chat template")

    def refuse(message: str) -> NoReturn:
        raise ValueError(message)

    @import_module("jinja2").pass_context
    def same(context: Any, value: Any) -> Any:
        return value

    settings = {"trim_blocks": True, "lstrip_blocks": True, "extensions": ["jinja2.ext.loopcontrols"]}
    made = sandbox.ImmutableSandboxedEnvironment(optimized=False, finalize=same, **settings)
    made.intercepted_binops = frozenset(["+", "*", "**", "%"])
    made.binop_table["**"] = lambda a, b: a**b if abs(b) < 1000 else refuse(f"{b} is too high a power")
    made.concat = lambda texts: _join(list(texts))
    made.filters["same"] = same
    made.filters["tojson"] = lambda value, **settings: json.dumps(value, **{"ensure_ascii": False, **settings})
    made.globals |= {"raise_exception": refuse, "strftime_now": lambda form: datetime.now().strftime(form)}
    del made.filters["sum"]  # of lists it takes the square of their sizes
    return made


def _join(texts: list[str]) -> str:
    return "".join(texts)


def _program(template: str) -> Any:
    """The template, with a call around each part of a list: [x, x] is twice as large as x."""
    if len(template) > LONGEST:
        raise ValueError(f"it has {len(template):,} characters, more than {LONGEST:,}")
    environment, nodes = _environment(), import_module("jinja2.nodes")
    tree = environment.parse(template)
    for node in tree.find_all((nodes.List, nodes.Tuple)):
        if getattr(node, "ctx", "load") == "load":
            node.items = [nodes.Filter(item, "same", [], [], None, None) for item in node.items]
    for node in tree.find_all(nodes.Pair):
        node.value = nodes.Filter(node.value, "same", [], [], None, None)
    return environment.from_string(tree)
