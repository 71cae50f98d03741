"""`tl.explain`: backpropagation through a computation as a worked example, in reading order. Here it becomes a text.

walkthrough.py   a computation step by step: values, then one pass of backward
formulas.py      arithmetic that knows how it is written; what ops and their rules compute: read off their code, or told
                 in formulas.toml; and what a step was made of
elements.py      one element worked out
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...backend import Array
from ...errors import aligned
from ..notebook import folded, plain
from ..printing import in_words
from ..vertex import Step, Term, Vertex
from . import elements, formulas
from .elements import ONE, indexed, is_large
from .formulas import equation, expression
from .walkthrough import Walkthrough, started, walkthrough_of

PARTIAL = "d is the derivative of the result; ∂ is the derivative of one step alone."
MORE = "other passes have added to it, or it was changed since"
ROUNDED = "Numbers are rounded to four digits."


class Explanation(str):
    """A text that the prompt shows as it is, with its line ends; in a notebook each of its paragraphs folds."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        """What a notebook shows: each paragraph as its first line, which opens; the last is open."""
        paragraphs = (part.partition("\n")[::2] for part in self.split("\n\n"))
        return "".join(folded(head.strip(), plain(rest), unfolded=head == "Found:") for head, rest in paragraphs)


def explain(what: Any) -> Explanation:
    """Backward from a result as a worked example: forward, each step backward with its rule, numbers and sums.

        with tl.Graph():
            z = w @ x + b
            C = (tl.sigmoid(z) - y) ** 2
            print(tl.explain(C))

    what: that of `tl.page`. Returns a text.  Raises what `tl.page` raises.
    Arrays of up to eight elements are written out, and each element is worked out. Of a larger one the text has shape,
    range and mean, and works out one element. d is the derivative of the result, ∂ that of one step alone.
    """
    return Explanation("\n".join(_lines_of(walkthrough_of(what))))


@dataclass
class TermText:
    """Lines about a term. "" and [] stand for what there is no need to say.

    derivative: of the step alone, "∂a/∂z = a · (1 - a)".  local: its numbers.  slopes: the same, element by element.
    rule: "dC/dz = dC/da · ∂a/∂z".  result: its numbers, if that needs no more lines.  lines: the same, element by
    element.  total: the gradient with this term, "dC/dz = 1 + 6 = 7".
    """

    derivative: str
    local: str
    slopes: list[str]
    rule: str
    result: str
    lines: list[str]
    total: str


def term_text(walk: Walkthrough, step: Step, term: Term) -> TermText:
    """The lines about a term of a step."""
    vertex, gradient, local, position = step.vertex, term.gradient, term.local, term.position
    upstream, wanted = walk.gradient_of(vertex), walk.gradient_of(term.to)
    name = wanted if term.of == 1 else f"(use {term.count}) {wanted}"
    lines, result = elements.gradient_lines(step, term, name), in_words(gradient)
    if local is None:
        alone, found = elements.product_derivative(step, term)
        rule = formulas.rule_of(vertex, position, upstream) or f"what the rule of {vertex.op} makes of {upstream}"
    else:
        alone, found = _local_derivative(vertex, position, local)
        copied = local.size > gradient.size
        copies = ", summed over the copies that broadcasting made" if copied else ""
        rule = f"{upstream} · {formulas.of_step(vertex, position)}{copies}"
        if step.upstream.size == gradient.size == 1 and lines and not copied:
            lines, result = [], lines[0].removeprefix(indexed(name, (0,) * gradient.ndim) + " = ")
        elif _is_one(local) and not copied and not is_large(step.upstream, gradient):
            lines = []
    use = f"use {term.count} of {term.of}"
    if term.of == 1:
        rule = f"{name} = {rule}"
        total = f"{name} = {result}" if lines and gradient.size > 1 else ""
    elif term.before is None:
        total = f"{wanted} = {in_words(term.after)}  so far, {use}"
    else:
        total = f"{_sum(term, term.before, wanted)}  ({use}; they add up)"
    slopes = elements.derivative_lines(step, term)
    return TermText(alone, found, slopes, rule, "" if lines else result, lines, total)


def _local_derivative(vertex: Vertex, position: int, local: Array) -> tuple[str, str]:
    """ "∂a/∂z = a · (1 - a)" and "0.6225 · (1 - 0.6225) = 0.235"."""
    formula, chain = formulas.derivative(vertex, position, formulas.named(vertex)), list[str]()
    if all(x.value is not None and x.value.size == 1 for x in [vertex, *vertex.inputs]) and local.size == 1:
        chain += [x.text for x in elements.derivative_with_numbers(vertex, position, (0,) * len(vertex.shape))]
    chain.append("1" if _is_one(local) else in_words(local))
    name = formulas.of_step(vertex, position) + formulas.which_of(vertex, position)
    told = "" if formula is None else formula.text
    numbers = " = ".join(text for text in dict.fromkeys(chain) if text != told)
    return (f"{name} = {told}", numbers) if told and numbers else (name, numbers or told)


def _sum(term: Term, before: Array, name: str) -> str:
    """The gradient so far and the term, "dC/dz = 1 + 6 = 7"; of a large one for one element."""
    if term.after.size != 1 and not is_large(term.after):
        return f"{name} = {in_words(before)} + {in_words(term.gradient)} = {in_words(term.after)}"
    start = name if term.after.size == 1 else f"{ONE}{indexed(name, term.place)}"
    terms = before[term.place], term.gradient[term.place]
    return equation(start, [expression(terms[0]) + terms[1]], term.after[term.place].item())


def _is_one(array: Array) -> bool:
    return bool(array.size) and bool((array == 1).all())


def _lines_of(walk: Walkthrough) -> list[str]:
    lines = ["Forward: each value from those before it.", ROUNDED]
    given = [v for v in walk.vertices if v.op is None]
    made = [v for v in walk.vertices if v.op is not None]
    rows = [[f"  {v}", f"= {in_words(v.value)}", _kind(v)] for v in given]
    lines += ["", "Given:", *aligned(rows)] if rows else []
    for vertex in made:
        lines += ["", *_forward(vertex)]
    if not walk.steps:
        return [*lines, "", "Backward has not run."]
    lines += ["", f"Backward: how much does {walk.result} change with each value? From the last to the first."]
    lines += [PARTIAL]
    if walk.note():
        lines += [f"({walk.note()})"]
    for count, step in enumerate(walk.steps, start=1):
        lines += ["", *_backward(walk, step, count)]
    return [*lines, "", *_gradients_found(walk)]


def _kind(vertex: Vertex) -> str:
    if vertex.requires_grad:
        return ""
    return f"constant, which {vertex.part_of} computes" if vertex.part_of else "constant"


def _forward(vertex: Vertex) -> list[str]:
    """ "z = W @ x", "  = [[...]] @ [...]", "  = [...]"."""
    indent = "  " + " " * len(str(vertex))
    filled, value = elements.formula_with_numbers(vertex), in_words(vertex.value)
    more = [text for text in (filled, formulas.definition_of(vertex)) if text not in ("", vertex.formula)]
    chain = [vertex.formula, *more, value]
    part = f"   (part of {vertex.part_of})" if vertex.part_of else ""
    lines = [f"  {vertex} = {chain[0]}{part}", *(f"{indent} = {text}" for text in chain[1:])]
    return [*lines, *(f"      {line}" for line in elements.forward_lines(vertex))]


def _backward(walk: Walkthrough, step: Step, count: int) -> list[str]:
    vertex, upstream = step.vertex, in_words(step.upstream)
    name = walk.gradient_of(vertex)
    if step.starts:
        start = f", {started(step)}: {name} =" if started(step) else f", with {name} ="
        where = f"Backward starts here{start} {upstream}"
    else:
        where = f"{name} = {upstream}{', as a hook has changed it' if step.changed else ''}"
    lines = [f"  {count}.  {vertex.equation}", f"      {where}"]
    for term in step.terms:
        text = term_text(walk, step, term)
        lines += [f"    to {term.to}:"]
        lines += [f"      {text.derivative} = {text.local}"] if text.derivative else []
        rule = f"{text.rule} = {text.result}" if text.result else text.rule
        lines += [*(f"          {line}" for line in text.slopes), f"      {rule}"]
        lines += [*(f"          {line}" for line in text.lines), *([f"      {text.total}"] if text.total else [])]
    return lines


def _gradients_found(walk: Walkthrough) -> list[str]:
    """The gradients of the leaves, and where `.grad` has something else."""
    rows, notes = [], []
    for vertex in walk.vertices:
        if vertex.op is None and vertex in walk.gradients:
            grad = walk.gradients[vertex]
            rows.append([f"  {walk.gradient_of(vertex)}", f"= {in_words(grad)}"])
            stored = walk.stored.get(vertex)
            if stored is not None and in_words(stored) != in_words(grad):
                notes.append(f"  {vertex}.grad now holds {in_words(stored)}: {MORE}.")
    return ["Found:", *aligned(rows), *notes] if rows else ["No leaf has a gradient."]
