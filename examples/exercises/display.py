"""What a learner reads: lines of at most 80 columns, one after the other, without colours."""

import re
import shutil
import textwrap
from pathlib import Path

from tinygrad_lecture.testing import Course, Exercise
from tinygrad_lecture.testing.courses import first_gap
from tinygrad_lecture.testing.failures import place_of
from tinygrad_lecture.testing.sandbox.grader import Outcome

from . import TEXTS
from .course import CHAPTERS
from .progress import Progress

ROOT = Path(__file__).parent.parent.parent
RUN = "python -m examples.exercises"


def say(text: str = "", indent: str = "") -> None:
    """Print paragraphs, wrapped; an empty one is an empty line."""
    width = min(80, shutil.get_terminal_size((80, 24)).columns) - 1
    for paragraph in text.split("\n"):
        options = {"initial_indent": indent, "subsequent_indent": indent, "break_on_hyphens": False}
        lines = textwrap.wrap(paragraph, width, break_long_words=False, **options) or [""]
        print("\n".join(lines))


def lines(texts: list[str], indent: str = "    ") -> None:
    """Print lines as they are."""
    for text in texts:
        print(f"{indent}{text}".rstrip())


def chapter_of(exercise: Exercise) -> str:
    number = exercise.name.split(".")[0]
    return f"Chapter {number}, {CHAPTERS[number]}"


def introduce(course: Course, progress: Progress, exercise: Exercise) -> None:
    """Where the learner is, and which file to open."""
    say(f"\n{exercise.name}  {exercise.title}")
    say(f"{chapter_of(exercise)}. {len(progress.done)} of {len(course.exercises)} exercises done.\n")
    print(f"    {place_of(progress.file(exercise))}:{first_gap(progress.text(exercise) or '')}\n")


def show_failure(course: Course, progress: Progress, outcome: Outcome, why: bool = False) -> None:
    """What is wrong, on which input, and why: if it is asked for, or at the second check of an exercise."""
    print(f"\n{outcome.exercise.name}  Not yet.")
    say(outcome.what, "  ")
    if outcome.shown:
        lines(["", *outcome.shown])
    if outcome.printed.strip():
        say("\nYour code printed:", "  ")
        lines(outcome.printed.strip().split("\n")[-20:])
    if outcome.only:
        say(f"\nIt is right for {outcome.only} only.", "  ")
    name, cause = outcome.exercise.name, outcome.cause
    told = why or progress.tries[name] > 1
    if cause and told:
        say(f"\nLikely cause: {cause}{'' if cause[-1] in '.?' else '.'}", "  ")
    elif cause:
        say(f"\nDo you see why? The next try tells the likely cause, and so does\n{RUN} why {name}", "  ")
    elif told:
        say(f"\nThe cause of this one is not known. A hint may help:\n{RUN} hint {name}", "  ")
    path = progress.file(outcome.exercise)
    raised = re.search(rf"^{re.escape(place_of(path))}:(\d+)\b", "\n".join(outcome.shown), re.MULTILINE)
    print(f"\n    {place_of(path)}:{raised[1] if raised else _first_change(course, progress, outcome)}")


def show_dependency(progress: Progress, exercise: Exercise, other: Exercise) -> None:
    """That an exercise builds on one that is not right."""
    runs = f"\n{exercise.name} runs your code of {other.name}, {other.title},"
    if progress.untouched(other):
        say(f"{runs} which is not solved yet.")
        say(f"Solve it first: {RUN} start {other.name}")
        say(f"Or put its solution into your file: {RUN} solution {other.name} --take")
    else:
        say(f"{runs} and that is not right:")


def show_pass(exercise: Exercise, outcome: Outcome) -> None:
    """What a right answer means, where the engine has the same, and another way to write it."""
    print(f"\n{exercise.name}  Right!")
    say(exercise.meaning, "  ")
    if exercise.engine:
        say(f"In this project: {engine_place(exercise.engine)}", "  ")
    if printed := outcome.printed.strip().splitlines():
        say("Your code printed:", "  ")
        lines(printed[:10] + [f"... and {len(printed) - 10} more lines"] * (len(printed) > 10))
    for note in outcome.notes:
        say(note, "  ")
    if exercise.another:
        say("Another way:", "  ")
        say(textwrap.dedent(exercise.another).strip("\n"), "    ")


def show_end(course: Course, progress: Progress) -> None:
    """After the last exercise."""
    say(f"\nAll {len(course.exercises)} exercises are done.")
    if taken := len(progress.taken & progress.done):
        say(f"Of {taken} you took the solution; `list` marks them. reset NAME starts one again.")
    say(TEXTS["end"])


def show_list(course: Course, progress: Progress) -> None:
    """All exercises, chapter by chapter."""
    chapter, done = "", progress.done
    for exercise in course:
        if chapter_of(exercise) != chapter:
            chapter = chapter_of(exercise)
            print(f"\n{chapter}")
        name = exercise.name
        states = ["done" if name in done else "changed"] if name in progress.passed else []
        states += ["solution"] * (name in done & progress.taken) + ["now"] * (name == progress.current)
        print(f"  {name:5} {exercise.title:48} {', '.join(states)}".rstrip())
    print(f"\n{len(done)} of {len(course.exercises)} done.")
    if len(done) < len(progress.passed):
        say("changed: it was right, but its file or one that it builds on is another one now. See: check --all")


def engine_place(reference: str) -> str:
    """ "file.py:name" as "file.py:12", the line where the name is defined."""
    file, _, name = reference.partition(":")
    lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
    found = [n for n, line in enumerate(lines, start=1) if re.match(rf" *(def|class) {name}\b", line)] if name else []
    return ":".join(map(str, [place_of(ROOT / file), *found[:1]]))


def _first_change(course: Course, progress: Progress, outcome: Outcome) -> int:
    """The first line that a learner has changed, if possible in the function that is named; or the first gap."""
    text, given = progress.text(outcome.exercise) or "", course.given(outcome.exercise).splitlines()
    if first_gap(text) > 1:
        return first_gap(text)
    changed, function = [], ""
    for number, line in enumerate(text.splitlines(), start=1):
        function = line[4:].partition("(")[0] if line.startswith("def ") else function
        if line not in given:
            named = bool(function and re.search(rf"\b{function}\b", outcome.what))
            changed.append((not named, number))
    return min(changed, default=(True, 1))[1]
