"""Which steps of backward belong to one pass."""

from __future__ import annotations

from .vertex import Step, Vertex


def passes_of(steps: list[Step]) -> list[list[Step]]:
    """The steps of each backward pass.

    A pass goes from younger to older records, so a younger one starts another pass. So does one that follows when
    every result that was handed a gradient has had its step.
    """
    passes: list[list[Step]] = []
    due = set[Vertex]()  # handed a gradient, and not yet visited
    for step in steps:
        if not passes or not due or step.age >= passes[-1][-1].age:
            passes.append([])
            due = set()
        passes[-1].append(step)
        due.discard(step.vertex)
        given = zip(step.vertex.inputs, step.handed, strict=True)
        due |= {to for to, handed in given if handed is not None and to.op is not None}
    return passes
