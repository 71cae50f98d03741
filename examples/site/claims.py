"""claims.html: how sure we are of each claim of the lecture, its twenty runs as dots on an axis, in one file."""

from helpers.claims import Claim

import ast
import math
import re
from collections import Counter
from collections.abc import Sequence
from html import escape
from itertools import accumulate, groupby
from textwrap import shorten

WIDTH, ROW = 560, 34  # of a drawing, in pixels
VERDICTS = "borne out", "arithmetic", "depends on the draw", "not borne out", "not decided"


def parts(claims: Sequence[Claim]) -> dict[str, str]:
    """The parts of the page, by their names in claims.html."""
    said = Counter(verdict(claim) for claim in claims)
    sections = [(title, list(here)) for title, here in groupby(claims, lambda claim: claim.section)]
    return {
        "counts": ", ".join(f"{each} {said[each]}" for each in VERDICTS),
        "options": "".join(f"<option>{each}</option>" for each in VERDICTS),
        "links": "".join(f'<a href="#s{i}">{escape(title)}</a>' for i, (title, _) in enumerate(sections)),
        "sections": "".join(section(i, *each) for i, each in enumerate(sections)),
    }


def verdict(claim: Claim) -> str:
    return claim.verdict if claim.rule and claim.runs else VERDICTS[-1]


def section(i: int, title: str, claims: Sequence[Claim]) -> str:
    said = accumulate((claim.lecture for claim in claims), lambda a, b: a if b.startswith("the same") else b)
    return f'<section id="s{i}"><h2>{escape(title)}</h2>{"".join(map(article, claims, said))}</section>'


def article(claim: Claim, said: str) -> str:
    """A claim: its sentence, verdict, dots, what one sees, and the command. said: that of "the same"."""
    parts = [f"<h3>{escape(claim.lecture)}</h3>"]
    if claim.lecture != said:
        parts.append(f'<p class="of">part of: {escape(said)}</p>')
    parts.append(f'<p class="result">{escape(claim.result)}</p>')
    if claim.rule and claim.runs:
        parts.append(f'{dots(claim)}<p class="rule">holds where {escape(claim.rule)}</p>')
    parts.append("<p>" + re.sub("`([^`]+)`", r"<code>\1</code>", escape(claim.seen, quote=False)) + "</p>")
    if claim.program:
        parts.append(f"<p><code>python examples/{escape(claim.program)}</code></p>")
    return f'<article class="claim" data-verdict="{verdict(claim)}">{"".join(parts)}</article>'


def dots(claim: Claim) -> str:
    """The runs as dots on one axis, a row for each side of the rule that was measured; the lecture's number beside."""
    sides = {side: list(map(float, numbers)) for side, numbers in claim.sides.items()}
    if not sides:  # a rule without a comparison: only whether it holds
        sides = {"holds": [float(claim.holds(run)) for run in claim.runs]}
    marks = [("the rule's", side.value) for side in claim.compared if isinstance(side, ast.Constant)]
    marks += [] if claim.lecture_says is None else [("the lecture's", claim.lecture_says)]
    numbers = [x for row in sides.values() for x in row if math.isfinite(x)] + [x for _, x in marks]
    least, most = min(numbers, default=0.0), max(numbers, default=1.0)

    def x(number: float) -> float:
        share = (min(max(number, least), most) - least) / (most - least) if most > least else 0.5
        return 12 + (WIDTH - 24) * share

    drawn = []
    for i, (side, row) in enumerate(sides.items()):
        y = ROW * i + 24
        drawn.append(f'<text x="0" y="{y - 12}">{escape(shorten(side, 64))}</text>')
        drawn.append(f'<line class="axis" x1="4" y1="{y}" x2="{WIDTH - 4}" y2="{y}"/>')
        for run, number in zip(claim.runs, row, strict=True):
            state = "dot" if claim.holds(run) else "dot off"
            drawn.append(f'<circle class="{state}" cx="{x(number):.1f}" cy="{y}" r="5"/>')
    bottom = ROW * len(sides) + 12
    for i, (whose, mark) in enumerate(marks):
        drawn.append(f'<line class="lecture" x1="{x(mark):.1f}" y1="14" x2="{x(mark):.1f}" y2="{ROW}"/>')
        at = WIDTH - 4 - 170 * (len(marks) - 1 - i)
        drawn.append(f'<text class="lecture" x="{at}" y="12" text-anchor="end">{whose} {mark:g}</text>')
    drawn.append(f'<text x="4" y="{bottom}">{least:.3g}</text>')
    drawn.append(f'<text x="{WIDTH - 4}" y="{bottom}" text-anchor="end">{most:.3g}</text>')
    said = "; ".join(f"{side} from {min(row):.3g} to {max(row):.3g}" for side, row in sides.items())
    label = escape(f"{len(claim.runs)} runs: {said}", quote=True)
    return f'<svg viewBox="0 0 {WIDTH} {bottom + 4}" role="img" aria-label="{label}">{"".join(drawn)}</svg>'
