"""The gaps of an exercise's file. A gap is a line with `...` and `# TODO`; an answer takes the place of the line.

return ...  # TODO                              the answer "return g * w, g * x"
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence

GAP = re.compile(r"^(?P<indent> *)(?:[^\n#]*?)\.\.\.[^\n#]*# TODO[^\n]*$", re.MULTILINE)


def gaps(text: str) -> int:
    """How many gaps a file has."""
    return len(GAP.findall(text))


def first_gap(text: str) -> int:
    """The number of the line of the first gap, or 1."""
    found = GAP.search(text)
    return 1 if found is None else text[: found.start()].count("\n") + 1


def filled(text: str, answers: str | Sequence[str]) -> str:
    """The file with an answer in place of each gap; a single string is the answer to a single gap.

    Raises ValueError if there are more or fewer answers than gaps.
    """
    given = [answers] if isinstance(answers, str) else list(answers)
    if len(given) != gaps(text):
        raise ValueError(f"the file has {gaps(text)} gaps (`...  # TODO`), but there are {len(given)} answers")
    waiting = iter(given)

    def fill(gap: re.Match[str]) -> str:
        return textwrap.indent(textwrap.dedent(next(waiting)).strip("\n"), gap["indent"])

    return GAP.sub(fill, text)
