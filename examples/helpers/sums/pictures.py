"""The pictures of 12_arithmetic.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from helpers.drawing import BLUE, GREEN, GREY, ORANGE, PURPLE, VERMILION, new_figure, plain, save
from helpers.sums.curve import Point
from helpers.sums.problems import END, TOKENIZER, Notation, Problems, answers, cost_of
from helpers.sums.report import PLACES, Exam
from transformer import GPT


def learning(points: Sequence[Point], notation: Notation, path: Path) -> None:
    """The loss, and the shares of right digits and answers, by step."""
    if not points:
        return
    order = "with its units first" if notation.reverse else "as one writes it"
    figure = new_figure(13, 5, f"Which digit is learnt first? The answer is written {order}")
    left, right = figure.subplots(1, 2)
    steps = [point.step for point in points]
    plain(left).plot(steps, [point.loss for point in points], color=GREY, linewidth=2.5)
    left.set(yscale="log", xlabel="step", ylabel="loss: cross-entropy of the answer's characters")
    plain(right).plot(steps, [point.right for point in points], color="black", linewidth=5, label="whole answers")
    for place, colour in zip(range(len(points[0].digits)), (BLUE, ORANGE, GREEN, PURPLE), strict=False):
        shares = [point.digits[place] for point in points]
        right.plot(steps, shares, color=colour, linewidth=2, label=PLACES[place])
    right.yaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    right.set(ylim=(0, 1.03), xlabel="step", ylabel="right, of problems held out")
    right.legend(edgecolor="none", loc="upper left", bbox_to_anchor=(1, 1))
    save(figure, path)


def unsure(model: GPT, notation: Notation) -> tuple[np.ndarray, np.ndarray]:
    """Up to 100 numbers, and for each pair of them the probability of all wrong answers together: 1 - p."""
    shown = np.unique(np.linspace(0, notation.numbers - 1, min(notation.numbers, 100)).astype(int))
    a, b = np.meshgrid(shown, shown, indexing="ij")
    cost = cost_of(model, Problems(notation, np.stack([a.ravel(), b.ravel()], axis=1)))
    return shown, -np.expm1(-cost).reshape(a.shape)


def surprise(model: GPT, notation: Notation, path: Path) -> None:
    """A map of all pairs: how much probability the model gives to wrong answers."""
    from matplotlib.colors import LogNorm

    shown, wrong = unsure(model, notation)
    figure = new_figure(8.5, 7, "Where is the model unsure? The pattern follows digits and carries")
    axes = figure.subplots()
    least, most = np.quantile(np.maximum(wrong, 1e-7), [0.01, 1])
    image = axes.imshow(np.maximum(wrong, 1e-7), origin="lower", extent=(0, shown[-1] + 1, 0, shown[-1] + 1),
                        norm=LogNorm(least, max(most, 10 * least)), cmap="cividis")  # fmt: skip
    axes.set(xlabel="second number b", ylabel="first number a")
    figure.colorbar(image, label="probability of all wrong answers together", shrink=0.85)
    save(figure, path)


def mistakes(exams: Mapping[str, Exam], path: Path) -> None:
    """The share of wrong answers for each group of problems."""
    figure = new_figure(9.5, 3.8, "Has it learnt a rule? Wrong answers, by the size of the numbers")
    axes = plain(figure.subplots(), grid=False)
    for row, (name, exam) in enumerate(exams.items()):
        wrong = 1 - exam.right
        axes.barh(row, wrong, color=VERMILION if "larger" in name else BLUE, height=0.7)
        axes.annotate(f"{wrong:.1%}", (wrong, row), (6, 0), textcoords="offset points", va="center")
    axes.set_yticks(range(len(exams)), exams)
    axes.set(ylim=(len(exams) - 0.5, -0.5), xlim=(0, 1.12), xlabel="wrong answers")
    axes.xaxis.set_major_formatter(lambda share, _: f"{share:.0%}" if share <= 1 else "")
    save(figure, path)


def attention(model: GPT, notation: Notation, path: Path) -> None:
    """Where the heads of the first block look from the "=" and from each character of an answer."""
    a, b = 58 % notation.numbers, 67 % notation.numbers
    question, answer = notation.question(a, b), answers(model, notation, np.array([[a, b]]))[0]
    text = question + notation.turned(answer)
    start = notation.asked - 1  # the "=", from which the answer's first character is said
    written = [*text[start + 1 :], END]
    weights = model.trace(TOKENIZER.encode(text)).attention[0][:, start:]  # (heads, written, characters)
    title = (
        f"{a} {notation.operation} {b} = {answer}: which digits does each head look at for each digit of the answer?"
    )
    figure = new_figure(13, 4.4, title)
    for head, (axes, weight) in enumerate(zip(figure.subplots(1, len(weights)), weights, strict=True)):
        image = axes.imshow(weight, cmap="Blues", vmin=0, vmax=1, aspect="auto")
        axes.set_xticks(range(len(text)), text.replace(" ", "␣"), fontsize=12)
        axes.set_yticks(range(len(written)), [f'writes "{c}"' for c in written] if head == 0 else [""] * len(written))
        axes.set_title(f"block 1, head {head + 1}", fontsize=12)
    figure.supxlabel("character looked at")
    figure.colorbar(image, ax=figure.axes, label="attention weight")
    save(figure, path)
