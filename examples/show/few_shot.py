"""For 17_few_shot.py: what it prints, and its picture."""

import ast
import re

import numpy as np

from helpers.drawing import chart
from helpers.program import Measured, elsewhere, holds, table
from helpers.real import DATA, answers, chances, continued, first_token, in_tens, numbers_said, smollm2

GUESS = 0.1  # one digit of ten


def progress(step, loss, right):
    """Print the loss and the share of right answers by line."""
    print(f"  {step:8}{loss:8.3f}" + "".join(f"{share:8.0%}" for share in right), flush=True)


def report(m, settings):
    """Print what was measured, and draw it."""
    known, new = (", ".join(map(str, shifts)) for shifts in m.shifts)
    print(f"\nIt has learnt the shifts {known}. Kept back: {new}. For example:")
    print("\n".join(f"  {text}" for text in m.texts))
    shares = {"tasks it has learnt from": m.known, "new tasks": m.new}
    print("\nRight answers after so many worked lines (a guess is right in 10%):")
    table(range(5), shares, ".1%")
    print(f"  After two lines the third is right for {m.known[2]:.0%} of known, {m.new[2]:.0%} of new tasks", end="")
    print(f"{elsewhere('few-shot', '.0%', m)}.\n  No weight has changed.", end=" ")
    if holds("few-shot", m):
        print("What it knows of a new task, it knows from the lines before the question.")
    else:
        print("It has not learnt to find a new shift from the lines.")

    title = "Few-shot learning: do worked lines before the question tell the task?"
    curves = {name: (range(5), right) for name, right in shares.items()}
    chart(settings.out / "few_shot.png", title, curves, "worked lines before the question", "right answers",
          shares=True, levels={"a guess: 10%": GUESS}, xticks=range(5))  # fmt: skip


# --- a real model -----------------------------------------------------------------------------------------------------


SHOTS = (0, 2, 8)
ASKED = DATA["capabilities"]


def measure_real(settings):
    """SmolLM2 and the lecture's emergent capabilities: of each ten words, groups of sums, or requests."""
    model, random = smollm2("to do what the lecture calls emergent capabilities"), np.random.default_rng(settings.seed)
    m = Measured(right={}, said={})
    for task, words in DATA["few_shot"].items():
        pairs = dict(zip(words.split()[0::2], words.split()[1::2], strict=True))
        m.right[task] = {k: by_examples(model, pairs, k, random) for k in SHOTS}
    tasks = [m.right[task] for task in ("opposite", "plural", "past", "capital")]
    m.none, m.eight = (np.mean([task[k] for task in tasks], axis=0) for k in (0, 8))  # (10,) each
    m.french = m.right["French"][8]

    problems, shown = random.integers(1, 10, (30, 3)).tolist(), random.integers(1, 10, (4, 3)).tolist()
    at_once = "".join(f"{a} + {b} + {c} = {a + b + c}\n" for a, b, c in shown)
    steps = "".join(f"{a} + {b} + {c}: {a} + {b} = {a + b}, {a + b} + {c} = {a + b + c}\n" for a, b, c in shown)
    short = numbers_said(model, [at_once + f"{a} + {b} + {c} =" for a, b, c in problems], 3)
    long = [text.split("\n")[0] for text in continued(model, [steps + f"{a} + {b} + {c}:" for a, b, c in problems], 21)]
    true = [str(sum(problem)) for problem in problems]
    m.at_once = in_tens(np.array(short) == true)
    m.in_steps = in_tens([re.findall(r"= (\d+)", text)[1:2] == [x] for text, x in zip(long, true, strict=True)])
    m.example = f"{' + '.join(map(str, problems[0]))}:{long[0]}"

    for name, (template, tokens, _, check) in REQUESTS.items():
        asked = [template.format(*some) for some in ASKED[name]]
        m.said[name] = dict(zip(asked, answers(model, asked, tokens), strict=True))
        setattr(m, name, [check(said, some[-1]) for said, some in zip(m.said[name].values(), ASKED[name], strict=True)])
    return m


def by_examples(model, pairs, k, random):
    """Whether the likeliest token after k worked lines begins the right answer, for ten words."""
    prompts = []
    for asked in [*pairs][:10]:
        shown = random.permutation([q for q in pairs if q != asked])[:k]
        prompts.append("".join(f"{q} -> {pairs[q]}\n" for q in shown) + f"{asked} ->")
    said = chances(model, prompts).argmax(axis=1)
    return [bool(token == first_token(model, right)) for token, right in zip(said, pairs.values(), strict=False)]


def real(m, settings):
    """Print what SmolLM2 can do."""
    print('\nFew-shot: lines such as "hot -> cold", then "wet ->". Right first tokens, by the number of lines before:')
    table(SHOTS, {task: [np.mean(right[k]) for k in SHOTS] for task, right in m.right.items()}, ".0%")
    print("  No weight has changed.")
    print("\nChain of thought: 30 sums of three one-digit numbers, after 4 worked ones. Right at once", end=" ")
    print(f'{np.mean(m.at_once):.0%},\n  with the step between {np.mean(m.in_steps):.0%}: "{m.example}".')
    print("\nCode, creative writing, instructions, word problems, equations, ten of each at temperature 0:")
    for name, (_, _, wanted, _) in REQUESTS.items():
        asked, said = next(iter(m.said[name].items()))
        print(f"  {name:13}{sum(getattr(m, name)):3} of 10 {wanted}. {asked}")
        print("\n".join(f"    | {line[:110]}" for line in said.strip().splitlines()[:2]))


def returns(text, wanted):
    """Whether the first function in an answer returns one of the wanted expressions of a and b; read, not run."""
    code = re.search(r"def .*?(?=\n\S|```|$)", text, re.DOTALL)
    try:
        (function,) = ast.parse(code[0] if code else "").body
        names = dict(zip((argument.arg for argument in function.args.args), "ab", strict=False))
        for node in ast.walk(function):
            if isinstance(node, ast.Name):
                node.id = names.get(node.id, node.id)
        return ast.unparse(function.body[-1]) in [f"return {x}" for x in wanted.split(" or ")]
    except (SyntaxError, ValueError, AttributeError):
        return False


def says(text, wanted):
    """Whether a text has the number that is wanted."""
    return re.search(rf"\b{wanted}\b", text) is not None


# Each a request, how many tokens the answer may have, what is counted, and what checks it
REQUESTS = {
    "code": ("Write a Python function that {}.", 48, "return what they should", returns),
    "poems": ("Write a short poem about {}.", 32, "have no line twice", lambda text, _: repeats_no_line(text)),
    "instructions": ("{} Answer with one word.", 8, "are one word", lambda text, _: len(text.split()) == 1),
    "problems": ("{} has {} {} and buys {} more. How many has {}?", 40, "say the number", says),
    "equations": ("Solve x + {} = {}.", 64, "say x", lambda text, x: says(text, f"x = {x}")),
}


def repeats_no_line(text):
    """Whether a text has two lines or more, and none of them, nor a part between commas, comes twice."""
    lines = [line.strip(" ,.;") for line in text.lower().splitlines() if line.strip()]
    parts = [part.strip() for line in lines for part in line.split(",")]
    return len(lines) > 1 and len({*parts}) == len(parts)
