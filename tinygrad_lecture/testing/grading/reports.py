"""Results for people, and for grading systems: text, JUnit XML, JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from xml.sax.saxutils import escape, quoteattr

from .grading import Result


def message(result: Result) -> str:
    """What is wrong, as several lines; "" after a pass."""
    outcome = result.outcome
    if result.passed:
        return ""
    if result.builds_on is not None:
        return f"It builds on {result.builds_on}, which is not right."
    lines = [outcome.what, *(f"    {line}" for line in outcome.shown)]
    if outcome.only:
        lines.append(f"It is right for {outcome.only} only.")
    if outcome.cause:
        lines.append(f"Likely cause: {outcome.cause}")
    if outcome.printed.strip():
        lines += ["It printed:", *(f"    {line}" for line in outcome.printed.strip().split("\n")[-10:])]
    return "\n".join(lines)


def as_text(title: str, results: Sequence[Result]) -> str:
    """A line for each exercise, with what is wrong below it, and the sum."""
    lines = [title]
    for result in results:
        lines.append(
            f"{'passed' if result.passed else 'FAILED'}  {result.points:g} of {result.exercise.points:g}  "
            f"{result.exercise.name}  {result.exercise.title}".rstrip()
        )
        lines += [f"        {line}" for line in message(result).split("\n") if line]
    points, of = sum(r.points for r in results), sum(r.exercise.points for r in results)
    lines.append(f"{points:g} of {of:g} points")
    return "\n".join(lines)


def as_junit(title: str, results: Sequence[Result]) -> str:
    """JUnit XML: a test case for each exercise, its points as a property."""
    failures = sum(not r.passed for r in results)
    seconds = sum(r.outcome.seconds for r in results)
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        f'<testsuite name={_quoted(title)} tests="{len(results)}" failures="{failures}" errors="0" skipped="0" '
        f'time="{seconds:.3f}">',
    ]
    for r in results:
        lines.append(
            f"  <testcase classname={_quoted(title)} name={_quoted(f'{r.exercise.name} {r.exercise.title}'.strip())} "
            f'time="{r.outcome.seconds:.3f}">'
        )
        lines.append(
            f'    <properties><property name="points" value="{r.points:g}"/>'
            f'<property name="max_points" value="{r.exercise.points:g}"/></properties>'
        )
        if not r.passed:
            first = message(r).split("\n")[0]
            lines.append(f"    <failure message={_quoted(first)}>{escape(_printable(message(r)))}</failure>")
        lines.append("  </testcase>")
    lines.append("</testsuite>")
    return "\n".join(lines) + "\n"


def as_json(title: str, results: Sequence[Result]) -> str:
    """JSON: the sum, and each exercise with its points and its message."""
    return json.dumps(
        {
            "course": title,
            "points": sum(r.points for r in results),
            "max_points": sum(r.exercise.points for r in results),
            "exercises": [
                {
                    "name": r.exercise.name,
                    "title": r.exercise.title,
                    "passed": r.passed,
                    "points": r.points,
                    "max_points": r.exercise.points,
                    "seconds": round(r.outcome.seconds, 3),
                    "message": message(r),
                    "diagnosis": r.outcome.hint,
                }
                for r in results
            ],
        },
        indent=1,
    )


def _printable(text: str) -> str:
    """Without the characters that XML does not allow."""
    return re.sub(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "?", text)


def _quoted(text: str) -> str:
    return quoteattr(_printable(text))
