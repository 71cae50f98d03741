"""The points of a learning curve, kept in a file beside the Trainer's, so that a run that is continued has all."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from helpers.program import DataError
from tinygrad_lecture.files import atomic_write


@dataclass(frozen=True)
class Point:
    """How good it is after some steps: right answers, and right digits: of the units, the tens, ..."""

    step: int
    loss: float
    right: float
    digits: list[float]


class Curve:
    """The points of a run. continued: whether to take up those in the file; raises DataError if it is damaged."""

    def __init__(self, path: Path, continued: bool) -> None:
        self.path = path
        self.points: list[Point] = []
        if continued and path.exists():
            try:
                self.points = [Point(**point) for point in json.loads(path.read_text(encoding="utf-8"))]
            except (ValueError, TypeError) as error:
                raise DataError(f"{path} is damaged, or of another program: {error}") from error

    def add(self, point: Point) -> None:
        """Append a point, and forget later ones: a run that was killed comes to them again."""
        self.points = [p for p in self.points if p.step < point.step] + [point]
        with atomic_write(self.path) as temporary:
            temporary.write_text(json.dumps([asdict(p) for p in self.points], indent=1), encoding="utf-8")
