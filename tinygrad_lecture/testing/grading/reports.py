"""Results for people, and for grading systems: text, a table, CSV, JUnit XML, JSON.

graded: the results of each student, by name.
"""

from __future__ import annotations

import csv
import io
import json
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree import ElementTree

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
    lines.append(f"{points_of(results)} points")
    return "\n".join(lines)


def as_table(title: str, graded: Mapping[str, Sequence[Result]]) -> str:
    """A line for each student: the points, and which exercises are not right."""
    width = max(map(len, graded))
    lines = [title]
    for student, results in graded.items():
        wrong = ", ".join(r.exercise.name for r in results if not r.passed)
        row = f"{student:{width}}  {points_of(results)}{f'   not right: {wrong}' if wrong else ''}"
        lines += textwrap.wrap(row, 80, subsequent_indent=" " * (width + 2), break_long_words=False)
    return "\n".join(lines)


def as_csv(graded: Mapping[str, Sequence[Result]]) -> str:
    """A table with a row for each student: the points of each exercise, then their sum."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["student", *(r.exercise.name for r in next(iter(graded.values()))), "points"])
    for student, results in graded.items():
        safe = f"'{student}" if student.startswith(("=", "+", "-", "@")) else student  # for a spreadsheet no formula
        rows.writerow([safe, *(f"{r.points:g}" for r in results), f"{sum(r.points for r in results):g}"])
    return text.getvalue()


def points_of(results: Sequence[Result]) -> str:
    """ "3.5 of 4" """
    return f"{sum(r.points for r in results):g} of {sum(r.exercise.points for r in results):g}"


def as_junit(graded: Mapping[str, Sequence[Result]]) -> str:
    """JUnit XML: a suite for each title, in it a test case for each exercise, with its points as properties."""
    suites = ElementTree.Element("testsuites")
    for title, results in graded.items():
        failures = sum(not r.passed for r in results)
        suite = ElementTree.SubElement(
            suites, "testsuite", name=title, tests=str(len(results)), failures=str(failures), errors="0", skipped="0",
            time=f"{sum(r.outcome.seconds for r in results):.3f}",
        )  # fmt: skip
        for r in results:
            name = f"{r.exercise.name} {r.exercise.title}".strip()
            case = ElementTree.SubElement(
                suite, "testcase", classname=title, name=name, time=f"{r.outcome.seconds:.3f}"
            )
            properties = ElementTree.SubElement(case, "properties")
            ElementTree.SubElement(properties, "property", name="points", value=f"{r.points:g}")
            ElementTree.SubElement(properties, "property", name="max_points", value=f"{r.exercise.points:g}")
            if not r.passed:
                failure = ElementTree.SubElement(case, "failure", message=message(r).split("\n")[0])
                failure.text = message(r)
    root = suites if len(suites) != 1 else suites[0]
    ElementTree.indent(root)
    text: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return text.decode()


def as_json(title: str, graded: Mapping[str, Sequence[Result]]) -> str:
    """JSON: for each student the sum, and each exercise with its points and its message."""
    students = [{"student": student, **_fields(results)} for student, results in graded.items()]
    return json.dumps({"course": title, "students": students}, indent=1)


def _fields(results: Sequence[Result]) -> dict[str, Any]:
    return {
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
    }
