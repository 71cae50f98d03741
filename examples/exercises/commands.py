"""The commands: list, check, hint, why, reset, solution, start; without a name: watch, check at every save, move on."""

import re
import textwrap
import time
from pathlib import Path

from tinygrad_lecture.testing import Course, Exercise
from tinygrad_lecture.testing.failures import place_of
from tinygrad_lecture.testing.sandbox.grader import Grader

from . import TEXTS, display
from .display import RUN, say
from .keys import Keys
from .progress import Progress


class Session:
    """A course, a learner's progress, and the grader."""

    def __init__(self, course: Course, folder: Path, grader: type[Grader] = Grader) -> None:
        self.course = course
        self.progress = Progress(course, folder)
        new = not folder.exists()
        self.grader = grader(course, folder)
        self.progress.copy_files()
        if new:
            say("This is a new folder for your files:")
            print(f"    {folder.resolve()}")
            say("If you have begun elsewhere, start where you did then, or name that folder: --folder FOLDER")
        if self.progress.lost:
            say(self.progress.lost)

    @property
    def current(self) -> Exercise:
        return self.course[self.progress.current]

    def find(self, text: str | None) -> Exercise:
        """The exercise for "3.2", "mul" or its file, with any folders and a line; the current one for None.

        Raises KeyError.
        """
        if text is None:
            return self.current
        wanted = re.sub(r"(:\d+)+$", "", text.replace("\\", "/").strip().lower()).removesuffix(".py")
        for exercise in self.course:
            path = exercise.file.lower().removesuffix(".py")
            named = {exercise.name, path.rpartition("_")[2], path.rpartition("/")[2]}
            if wanted in named or wanted.endswith(path):
                return exercise
        raise KeyError(f"there is no exercise {text!r}; `list` shows them all")

    def run(self, command: str, name: str | None = None, *flag: bool) -> int:
        """Carry out a command, with its flag if it has one; return 1 if an exercise is not right, else 0."""
        if command == "watch":
            with Keys() as keys:
                Watch(self, keys).run()
        elif command == "list":
            display.show_list(self.course, self.progress)
        elif command in ("check", "why"):
            return 0 if (self.check_all() if any(flag) else self.check(self.find(name), command == "why")) else 1
        else:
            getattr(self, command)(self.find(name), *flag)
        return 0

    # --- commands ---------------------------------------------------------------------------------------------

    def check(self, exercise: Exercise, why: bool = False) -> bool:
        """Check an exercise, and before it those that it builds on and that changed. Returns whether it passed.

        why: tell the likely cause at the first check already.
        """
        if self.progress.untouched(exercise):
            display.introduce(self.course, self.progress, exercise)
            say("There is nothing to check yet: open this file and replace `...` where it says TODO.")
            return False
        waiting = [other for other in self.course.needs(exercise) if not self.progress.is_passed(other)]
        for other in waiting:
            if self.progress.untouched(other):
                display.show_dependency(self.progress, exercise, other)
                return False
        for outcome in self.grader.check([other.name for other in [*waiting, exercise]], notes=True):
            other = outcome.exercise
            self.progress.tries[other.name] = self.progress.tries.get(other.name, 0) + 1
            if not outcome.passed:
                self.progress.mistakes[f"{other.name} {outcome.hint or outcome.kind}"] = outcome.cause or outcome.what
            self.progress.mark(other, outcome.passed)
            if not outcome.passed:
                if other is not exercise:
                    display.show_dependency(self.progress, exercise, other)
                display.show_failure(self.course, self.progress, outcome, why)
                return False
        display.show_pass(exercise, outcome)
        return True

    def check_all(self) -> bool:
        """Check every exercise that was begun, a line each. Returns whether all exercises have passed."""
        begun = [e for e in self.course if not self.progress.untouched(e)]
        for outcome in self.grader.check([e.name for e in begun]):
            exercise = outcome.exercise
            broken = [other.name for other in self.course.needs(exercise) if not self.progress.is_passed(other)]
            passed = outcome.passed and not broken
            self.progress.mark(exercise, passed)
            said = "right" if passed else f"builds on {broken[0]}, which is not right" if broken else outcome.what
            say(f"{exercise.name:5} {exercise.title}: {said}")
        done, total = len(self.progress.done), len(self.course.exercises)
        say(f"{done} of {total} are right.")
        return done == total

    def hint(self, exercise: Exercise) -> None:
        """Print the next hint, after those that were read."""
        read = min(self.progress.hints.get(exercise.name, 0) + 1, len(exercise.hints))
        self.progress.hints[exercise.name] = read
        self.progress.save()
        print()
        for number, hint in enumerate(exercise.hints[:read], start=1):
            say(f"Hint {number} of {len(exercise.hints)}: {hint}")
        if read == len(exercise.hints):
            say(f"That was the last one. If you give up: {RUN} solution {exercise.name}")

    def reset(self, exercise: Exercise) -> None:
        """Start an exercise again; the old file is kept."""
        self.progress.taken.discard(exercise.name)
        self.progress.tries.pop(exercise.name, None)
        self._changed(exercise, self.progress.replace(exercise, self.course.given(exercise)), "is as it was given")
        self.progress.mark(exercise, False)

    def _changed(self, exercise: Exercise, kept: Path | None, what: str) -> None:
        """Say that another text is in a file, and where the old one is."""
        say(f"{place_of(self.progress.file(exercise))} {what}.")
        if kept is not None:
            say(f"Your answer is kept in {place_of(kept)}")

    def solution(self, exercise: Exercise, take: bool) -> None:
        """Print a solution; with `take` put it into the learner's file, and keep theirs."""
        if take:
            self._changed(exercise, self.progress.take(exercise), "has the solution now")
            return
        say(f"{exercise.name}  {exercise.title}")
        for answer in exercise.solution:
            print()
            display.lines(textwrap.dedent(answer).strip("\n").split("\n"))
        print()
        if not self.progress.is_passed(exercise):
            say(f"To have it in your file: {RUN} solution {exercise.name} --take\nBetter: write it yourself.")

    def start(self, exercise: Exercise, take: bool) -> None:
        """Make an exercise the current one. With `take`, put the solutions of what it builds on into the files."""
        self.progress.go_to(exercise)
        untouched = [e for e in self.course.needs(exercise) if self.progress.untouched(e)]
        display.introduce(self.course, self.progress, exercise)
        if not untouched:
            return
        names = ", ".join(e.name for e in untouched)
        if take:
            for other in untouched:
                self.progress.take(other)
            say(f"It runs your code of {names}. These files have the solutions now.")
        else:
            first = f"It runs your code of {names}, not solved yet. Solve them first, or take their solutions:"
            say(f"{first}\n{RUN} start {exercise.name} --take")


class Watch:
    """A loop over saves and keys. It prints one line after another, and never clears the screen."""

    def __init__(self, session: Session, keys: Keys) -> None:
        self.session, self.keys = session, keys
        self.seen = self._texts()
        self.asked = ""  # the exercise whose solution was asked for with the last key

    def run(self) -> None:
        """Watch until `q`, until the last exercise has passed, or until input ends without a terminal."""
        session = self.session
        if self._finished():
            return
        if session.progress.is_passed(session.current):
            session.progress.go_to(session.progress.next_open(session.current) or session.current)
        display.introduce(session.course, session.progress, session.current)
        self.seen[session.current.name] = session.course.given(session.current)
        say("Open this file in your editor. Replace `...` where it says TODO, and save: it is checked at once.")
        say(TEXTS["keys"])
        while True:
            session.grader.warm()
            word = self.keys.read(0.25)
            if word == "quit" or (word and not self._obey(word)):
                break
            if self.keys.ended and not word and self.keys.single:
                break
            saved = self._saved()
            if saved and saved is not session.current:
                say(f"\nYou saved the file of {saved.name}. It is the current exercise now.")
                session.progress.go_to(saved)
            if saved and not session.progress.untouched(saved):
                print(f"\nChecking {saved.name} ...", flush=True)
                if session.check(saved):
                    following = session.progress.next_open(session.current)
                    if following is None or self._finished():
                        break
                    self._go_to(following)
        session.progress.save()
        say(f"Your answers and progress are in {place_of(session.progress.folder)}. See you again!")

    def _saved(self) -> Exercise | None:
        """The exercise whose file was saved, or None. Several at once a command has written, such as `start --take`."""
        texts = self._texts()
        if texts == self.seen:
            return None
        time.sleep(0.05)
        if self._texts() != texts:  # an editor may write a file in pieces
            return None
        changed = [e for e in self.session.course if texts[e.name] not in (None, self.seen[e.name])]
        self.seen = texts
        self.session.progress.load()  # a command in another terminal may have written it
        return self.session.current if self.session.current in changed else changed[0] if len(changed) == 1 else None

    def _texts(self) -> dict[str, str | None]:
        """What is in the file of each exercise."""
        return {exercise.name: self.session.progress.text(exercise) for exercise in self.session.course}

    def _go_to(self, exercise: Exercise) -> None:
        self.session.start(exercise, take=False)
        self.seen[exercise.name] = self.session.course.given(exercise)

    def _finished(self) -> bool:
        finished = len(self.session.progress.done) == len(self.session.course.exercises)
        if finished:
            display.show_end(self.session.course, self.session.progress)
        return finished

    def _obey(self, word: str) -> bool:
        """Carry out a command; False to end."""
        session = self.session
        session.progress.load()
        asked, self.asked = self.asked, ""
        if word in ("hint", "why", "list"):
            session.run(word)
        elif word == "check":
            print()
            session.check_all()
            return not self._finished()
        elif word == "solution" and asked == session.current.name:
            session.solution(session.current, take=False)
        elif word == "solution":
            self.asked = session.current.name
            say(f"A solution of {self.asked}? Once more s shows it; h gives a hint.")
        elif word == "help":
            print(TEXTS["help"])
        elif word == "next":
            order = list(session.course)
            self._go_to(order[(order.index(session.current) + 1) % len(order)])
        else:
            say(f"I do not know {word!r}. {TEXTS['keys']}")
        return True
