"""Does gradcheck call a right gradient wrong? Every op of the table, at every scale, at random inputs.

    PYTHONPATH=.:tests/helpers python tests/helpers/false_alarms.py [draws]

runs the whole of it, with 200 draws per op and scale unless told otherwise, and prints a table of counts. A test in
`tests/tinygrad_lecture/gradient_checking/test_verdicts.py` runs a sample.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator

import numpy as np
from hypothesis import HealthCheck, Phase, given, seed, settings
from op_table import TABLE, Row

import tinygrad_lecture as tl
from strategies import Sample

SCALES = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
ROWS = [row for row in TABLE.values() if row.differentiable]


def judged(row: Row, sample: Sample, scale: float, check=tl.gradcheck) -> Counter[str]:
    """How many elements of a sample times `scale` are right, wrong, kinks, or cannot be told.

    "outside" counts samples that the op does not take at this scale: its result is not finite, or an input.
    """
    inputs = [
        tl.tensor(x * scale if x.dtype.kind == "f" else x) if isinstance(x, np.ndarray) else x for x in sample.inputs
    ]
    if not any(isinstance(x, tl.Tensor) and x.dtype.kind == "f" and x.numel() for x in inputs):
        return Counter()
    if not all(np.isfinite(x.numpy()).all() for x in inputs if isinstance(x, tl.Tensor) and x.dtype.kind == "f"):
        return Counter(outside=1)  # a check refuses nan and inf, which some ops are for
    report = check(lambda *xs: row.call(row.op, *xs, **sample.settings), inputs, raise_exception=False)
    counts = Counter(right=report.checked, kinks=report.kinks, cannot_tell=report.cannot_tell)
    if report.error is not None:
        hint = report.error.hint
        if hint == "not-finite":
            return Counter(outside=1)
        counts["cannot_tell" if hint == "cannot-tell" else "wrong"] += report.error.total or 1
        if hint != "cannot-tell":
            print(f"{row.name} at scale {scale}, {sample.settings}:\n{report}\n{[*map(repr, sample.inputs)]}")
    return counts


def samples(row: Row, draws: int) -> Iterator[Sample]:
    """Random samples of an op, the same in every run."""
    found: list[Sample] = []

    @seed(0)
    @settings(
        max_examples=draws,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(row.samples)
    def note(sample: Sample) -> None:
        found.append(sample)

    note()
    return iter(found)


def main(draws: int, names: list[str]) -> None:
    """Print the counts of each scale."""
    total: dict[float, Counter[str]] = {scale: Counter() for scale in SCALES}
    for row in ROWS:
        if names and row.name not in names:
            continue
        own: Counter[str] = Counter()
        for sample in samples(row, draws):
            for scale in SCALES:
                counts = judged(row, sample, scale)
                total[scale] += counts
                own += counts
        print(row.name, dict(own), flush=True)
    columns = ("right", "wrong", "cannot_tell", "kinks", "outside")
    print("scale", *columns)
    for scale, counts in total.items():
        print(scale, *(counts[column] for column in columns))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200, sys.argv[2:])
