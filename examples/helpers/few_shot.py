"""For 17_few_shot.py: what it prints, and its picture."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from helpers.drawing import BLUE, DARK, GREY, VERMILION, chart, percent, save
from helpers.real import DATA, answers, chances, continued, first_token, numbers_said, smollm2

GUESS = 0.1  # one digit of ten


def texts(some: Sequence[str], known: np.ndarray, new: np.ndarray) -> None:
    """Print the tasks and some texts."""
    print(f"It learns the shifts {', '.join(map(str, known))}. Kept back: {', '.join(map(str, new))}. For example:")
    for text in some:
        print(f"  {text}")
    print("\nRight answers by line, of the tasks that it learns from:")
    print(f"  {'':8}{'loss':>8}" + "".join(f"{f'line {i}':>8}" for i in range(1, 6)))


def progress(step: int, loss: float, right: np.ndarray) -> None:
    """Print the loss and the share of right answers by line."""
    print(f"  {step:8}{loss:8.3f}" + "".join(f"{share:8.0%}" for share in right), flush=True)


def exam(shares: Mapping[str, np.ndarray]) -> None:
    """Print the share of right answers after 0 to 4 worked lines."""
    print("\nRight answers after so many worked lines (a guess is right in 10%):")
    print(f"  {'':26}" + "".join(f"{i:>8}" for i in range(5)))
    for name, right in shares.items():
        print(f"  {name:26}" + "".join(f"{share:8.1%}" for share in right))
    known, new = shares.values()
    print(f"  After two worked lines the third is right for {known[2]:.0%} of known and {new[2]:.0%} of new tasks.")
    print("  No weight has changed.")
    if new[2] > 2 * GUESS:
        print("  What it knows of a new task, it knows from the lines before the question.\n")
    else:
        print("  For new tasks that is hardly better than a guess: it has not learnt to find a shift from the lines.\n")


def third_line(text: str, answer: int, p: np.ndarray) -> None:
    """Print what it says after two worked lines."""
    said = int(p.argmax())
    verdict = "right" if said == answer else f"wrong, {answer} is right"
    print(f"  {text} {said}   P = {p[said]:.2f}, {verdict}")


def draw(shares: Mapping[str, np.ndarray], path: Path) -> None:
    """Draw the share of right answers against the number of worked lines."""
    axes = chart(
        "Few-shot learning: do worked lines before the question tell the task?",
        {name: (range(5), right) for name, right in shares.items()}, (BLUE, VERMILION), ylim=(0, 1.05),
        xticks=range(5), xlabel="worked lines before the question", ylabel="right answers",
    )  # fmt: skip
    percent(axes.yaxis)
    axes.axhline(GUESS, color=GREY, linestyle="--")
    axes.annotate("a guess: 10%", (4, GUESS), (0, 5), textcoords="offset points", ha="right", color=DARK)
    print()
    save(axes.figure, path)


# --- a real model -----------------------------------------------------------------------------------------------------


SHOTS = (0, 2, 8)


def real(settings: Any) -> None:
    """SmolLM2 and the lecture's emergent capabilities, each measured, and those that may be luck twenty times."""
    model, random = smollm2("to do what the lecture calls emergent capabilities"), np.random.default_rng(settings.seed)
    by_examples(model, random)
    by_steps(model, random)
    instructed(model)


def by_examples(model: Any, random: np.random.Generator) -> None:
    """Few-shot: how often the likeliest next token begins the right answer, after none to 8 worked lines."""
    print('\nFew-shot: lines such as "hot -> cold", then "wet ->". Right first tokens, by the number of lines before:')
    print(f"  {'':12}" + "".join(f"{k:>8}" for k in SHOTS))
    rows = []
    for task, words in DATA["few_shot"].items():
        questions = words.split()[0::2]
        right = dict(zip(questions, words.split()[1::2], strict=True))
        row = []
        for k in SHOTS:
            prompts = []
            for asked in questions:
                shown = random.permutation([q for q in questions if q != asked])[:k]
                prompts.append("".join(f"{q} -> {right[q]}\n" for q in shown) + f"{asked} ->")
            said = chances(model, prompts).argmax(axis=1)
            row.append(np.mean(said == [first_token(model, right[q]) for q in questions]))
        rows.append(row)
        print(f"  {task:12}" + "".join(f"{share:8.0%}" for share in row), flush=True)
    learnt = sum(row[-1] > row[0] + 0.5 for row in rows)
    print(f"  {learnt} of {len(rows)} tasks are recognised from the lines; no weight has changed.")


def by_steps(model: Any, random: np.random.Generator, n: int = 20) -> None:
    """Chain of thought: sums of three numbers, at once and with the step between."""
    problems = random.integers(1, 10, (n, 3)).tolist()
    shown = random.integers(1, 10, (4, 3)).tolist()
    at_once = "".join(f"{a} + {b} + {c} = {a + b + c}\n" for a, b, c in shown)
    steps = "".join(f"{a} + {b} + {c}: {a} + {b} = {a + b}, {a + b} + {c} = {a + b + c}\n" for a, b, c in shown)
    short = numbers_said(model, [at_once + f"{a} + {b} + {c} =" for a, b, c in problems], 3)
    long = [text.split("\n")[0] for text in continued(model, [steps + f"{a} + {b} + {c}:" for a, b, c in problems], 21)]
    true = [str(sum(problem)) for problem in problems]
    direct = np.mean(np.array(short) == true)
    last = [re.findall(r"= (\d+)", text)[1:2] == [x] for text, x in zip(long, true, strict=True)]
    print(f"\nChain of thought: {n} sums of three one-digit numbers, after 4 worked ones. Right at once {direct:.0%},")
    print(f'  with the step between {np.mean(last):.0%}: "{" + ".join(map(str, problems[0]))}:{long[0]}". ', end="")
    print("It helps." if np.mean(last) > direct + 0.1 else "It does not help.")


def instructed(model: Any) -> None:
    """Code, a poem and instructions, each asked once at temperature 0 and twenty times at 0.7."""
    lines = {  # a request, tokens, a check, what it checks
        "Write a Python function that adds two numbers.": (40, adds, "code that adds"),
        "Write a short poem about the sea.": (32, repeats_no_line, "no line twice"),
        "What is the opposite of hot? Answer with one word.": (8, lambda text: len(text.split()) == 1, "one word"),
        "Name three fruits, separated by commas.": (20, lambda text: text.count(",") == 2, "two commas"),
        "Tom has 3 apples and buys 4 more. How many has he?": (40, lambda text: bool(re.search(r"\b7\b", text)), "a 7"),
        "Solve x + 5 = 12.": (80, lambda text: bool(re.search(r"x = 7\b", text)), "x = 7"),
    }
    print("\nCode, creative writing, instructions, word problems: asked at temperature 0, and twenty times at 0.7")
    for question, (tokens, check, wanted) in lines.items():
        (said,) = answers(model, [question], tokens)
        held = sum(map(check, answers(model, [question] * 20, tokens, T=0.7)))
        verdict = "yes" if check(said) else "no"
        luck = "it can do that" if held > 16 else "it cannot do that" if held < 4 else "in part it is luck"
        print(f"  {question}\n    {wanted}: {verdict} at 0; {held} of 20 at 0.7: {luck}", flush=True)
        if check is repeats_no_line and (twice := repeated(said)):
            print(f"    repeats a line: yes, {twice[0]!r}")
        print("\n".join(f"    | {line}" for line in said.strip().splitlines()[:4]))


def adds(text: str) -> bool:
    """Whether the first function in an answer returns the sum of its two arguments; read, not run."""
    code = re.search(r"def .*?(?=\n\S|```|$)", text, re.DOTALL)
    try:
        (function,) = ast.parse(code[0] if code else "").body
        *_, last = function.body
        a, b = (argument.arg for argument in function.args.args)
        return ast.unparse(last) in (f"return {a} + {b}", f"return {b} + {a}")
    except (SyntaxError, ValueError, AttributeError):
        return False


def repeats_no_line(text: str) -> bool:
    """Whether no line of a text comes twice, and it has two or more."""
    return len([line for line in text.splitlines() if line.strip()]) > 1 and not repeated(text)


def repeated(text: str) -> list[str]:
    """The lines of a text, or parts of them between commas, that come a second time."""
    lines = [line.strip(" ,.;") for line in text.lower().splitlines() if line.strip()]
    parts = [part.strip() for line in lines for part in line.split(",")]
    return [part for i, part in enumerate(parts) if part in parts[:i]]
