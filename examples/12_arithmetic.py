"""A transformer learns to add: problems as characters, and nobody tells it what a digit is, or to carry one.

    python examples/12_arithmetic.py                                    # two-digit sums, the answer's units first
    python examples/12_arithmetic.py --resume --ask 58+67               # go on with what is in --out, and ask it
    python examples/12_arithmetic.py --answer plain --out out/plain     # as one writes it, which is harder: the first
                                                                        #   digit depends on a carry still to come
    python examples/12_arithmetic.py --operation - --out out/minus      # differences, with negative ones

The lecture's exercise. A small GPT reads "  7+ 58=" and goes on character by character; its cost is the cross-entropy
of the answer's characters alone, since the question cannot be foreseen and is masked out. Of the 10,000 pairs of
numbers below 100 it never sees 1,500, and is judged by those.

    held out          how many answers are right in every digit; by carries, by size, by whether b + a was learnt from
    the other way     whether it gives a + b and b + a the same answer
    larger numbers    than any it has learnt from: right for a human who knows the rule, and for the model?
    mistakes          which digit is wrong

    learning.png      cost and right digits while it learns: which digit comes first, which last
    surprise.png      how sure it is of the right answer, for all pairs, and where it is wrong
    errors.png        the table as bars
    attention.png     which characters it looks at while it writes an answer, in every head

What to expect of sums of two digits, seeds 0, 1 and 2, after a minute of one core's time: all 1,500 held out are right
in reverse order, and in plain order 1,499, 1,500 and 1,500. Of differences, seed 0, 1,500 and 1,493; the wrong ones are
such as 50 - 49, at the edge of a borrow. Of sums of three digits in reverse, with --steps 3000, 1,500. Machines round
differently, so that with yours a few more may be wrong, or fewer. Sums of numbers with more digits than learnt from are
all wrong, or nearly all: it has learnt what stands where, and no rule for numbers of any length. The stripes of
surprise.png run along equal sums, where a carry begins; in attention.png one sees heads that look at the two units, and
others at the tens.

Ctrl-C ends the learning early and keeps everything; --resume goes on as if nothing had been, and --again begins anew.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import helpers.first  # noqa: F401  before NumPy is imported

# isort: split

import numpy as np

import nn
import tinygrad_lecture as tl
from helpers.lecture import DataError, carry_out, command_line, positive, save, whole
from helpers.runs import add_ways_to_begin, learn_or_go_on, make_way, refuse_taken, settings_of
from helpers.sums import pictures, report
from helpers.sums.problems import END, TOKENIZER, Notation, Problems, answers, deal
from tinygrad_lecture.files import atomic_write
from transformer import GPT, GPTConfig, TokenCrossEntropy, decay_groups, draw_attention

WATCHED = 500  # of the problems held out, which are looked at while learning
CHOSEN = (  # options that make another run
    *("operation", "digits", "answer", "held_out"),
    *("layers", "heads", "width"),
    *("steps", "batch", "rate", "seed"),
)


@dataclass(frozen=True)
class Point:
    """How well it does after some steps: right answers, and right digits: of the units, the tens, ..."""

    step: int
    loss: float
    right: float
    digits: list[float]


@dataclass
class Curve:
    """The points of a run, in a file beside the Trainer's."""

    path: Path
    points: list[Point] = field(default_factory=list)

    def load(self) -> None:
        """Take up the points of a run that is gone on with. Raises DataError if they are not whole."""
        try:
            state = json.loads(self.path.read_text(encoding="utf-8"))
            self.points = [Point(**point) for point in state["points"]]
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(f"{self.path} is damaged, or not of this program: {error}") from error

    def add(self, point: Point) -> None:
        """Also forget the points that a run had got to before it was killed, and comes to again."""
        self.points = [p for p in self.points if p.step < point.step] + [point]
        state = {"points": [asdict(p) for p in self.points]}
        with atomic_write(self.path) as temporary:
            temporary.write_text(json.dumps(state, indent=1), encoding="utf-8")


# --- learning -----------------------------------------------------------------------------------------------


def learn(
    notation: Notation, learnt: np.ndarray, watched: np.ndarray, options: argparse.Namespace
) -> tuple[GPT, Curve]:
    """A model that has learnt from these pairs; its state is in the folder `out`, to go on from.

    watched: pairs that it is asked now and then.
    """
    config = network(options, notation)
    model = GPT(config)
    batch = min(options.batch, len(learnt))
    print(f"{config.parameter_count():,} parameters, {options.steps:,} steps of {batch:,} problems.\n")
    optimizer = nn.optim.AdamW(decay_groups(model, 0.1), options.rate, betas=(0.9, 0.99))
    warmup = min(100, options.steps // 10)
    curve = Curve(options.out / "curve.json")

    def look(trainer: nn.Trainer) -> None:
        point = Point(trainer.step, trainer.history[-1].train.loss, *digits_right(model, notation, watched))
        curve.add(point)
        print(f"  after {trainer.step:6,} steps {point.right:6.1%} of {len(watched)} held out are right", flush=True)

    trainer = nn.Trainer(
        model,
        nn.DataLoader(Problems(notation, learnt), batch, shuffle=True, drop_last=True),
        TokenCrossEntropy(),
        optimizer,
        steps=options.steps,
        schedule=nn.optim.lr_scheduler.CosineWithWarmup(optimizer, warmup, options.steps),
        clip_norm=1.0,
        record_every=max(1, options.steps // 24),
        on_record=look,
        folder=options.out,
        settings=settings_of(options, CHOSEN),
    )
    if not make_way(options) and curve.path.exists():
        curve.load()
    history = learn_or_go_on(trainer, options)
    if history.interrupted:
        print("Ended by Ctrl-C; what follows is of what was learnt so far, and --resume goes on.")
    return model, curve


def network(options: argparse.Namespace, notation: Notation) -> GPTConfig:
    """The model's sizes. Raises DataError if they do not fit."""
    sizes = {"layers": options.layers, "heads": options.heads, "width": options.width}
    try:
        return GPTConfig(
            vocab_size=TOKENIZER.vocab_size, context=notation.length, activation="relu", tied=False, **sizes
        )
    except ValueError as error:
        raise DataError(str(error)) from error


def digits_right(model: GPT, notation: Notation, pairs: np.ndarray) -> tuple[float, list[float]]:
    """The share of right answers, and of right digits: of the units, the tens, ...; a missing one counts as 0."""
    said = answers(model, notation, pairs)
    results = [notation.result(a, b) for a, b in pairs.tolist()]
    places = range(notation.digits + (notation.operation == "+"))
    return share(said, results), [share(digits(said, place), digits(results, place)) for place in places]


def digits(numbers: Sequence[str], place: int) -> list[str]:
    """The digit of each number that stands at a place, 0 for the units."""
    return [number.lstrip("-").rjust(place + 1, "0")[-1 - place] for number in numbers]


def share(said: Sequence[str], right: Sequence[str]) -> float:
    """How many are right, from 0 to 1."""
    return sum(x == y for x, y in zip(said, right, strict=True)) / len(right)


# --- the program --------------------------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> None:
    """Run with command-line arguments. Where something is wrong with them, SystemExit says what."""
    parser = command_line("12_arithmetic.py", __doc__, "out/arithmetic")
    add = parser.add_argument_group("the problems").add_argument
    add("--operation", choices=("+", "-"), default="+", help="sums or differences (+)")
    add("--digits", type=int, choices=(1, 2, 3), default=2, help="of the numbers, at most (2)")
    add("--answer", choices=("reverse", "plain"), default="reverse", help="the units first, or last (reverse)")
    add("--held-out", type=whole(1), metavar="N", help="pairs to judge by (1500, or 15%% if that is less)")
    add("--ask", action="append", default=[], type=problem, metavar="A+B", help="a problem of yours; repeatable")
    add = parser.add_argument_group("the network").add_argument
    add("--layers", type=whole(1), default=2, metavar="N", help="blocks (2)")
    add("--heads", type=whole(1), default=4, metavar="N", help="of attention in each block (4)")
    add("--width", type=whole(1), default=128, metavar="N", help="of the vectors; a multiple of the heads (128)")
    group = parser.add_argument_group("the learning")
    add = group.add_argument
    add("--steps", type=whole(1), default=1200, metavar="N", help="of the optimiser (1200)")
    add("--batch", type=whole(1), default=128, metavar="N", help="problems a step (128)")
    add("--rate", type=positive, default=0.002, metavar="X", help="highest learning rate of AdamW (0.002)")
    add_ways_to_begin(group)
    options = parser.parse_args(arguments)
    notation = Notation(options.digits, options.operation, options.answer == "reverse")
    check(parser, options, notation)
    carry_out(lambda options: run(options, notation), parser, options)


def problem(text: str) -> tuple[int, str, int]:
    """A type for argparse: two numbers with a sign between them."""
    found = re.fullmatch(r"\s*(\d+)\s*([+-])\s*(\d+)\s*", text, re.ASCII)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a problem such as 58+67")
    return int(found[1]), found[2], int(found[3])


def check(parser: argparse.ArgumentParser, options: argparse.Namespace, notation: Notation) -> None:
    """Fill in how many are held out, and end with a message for what cannot be held out or asked."""
    pairs = notation.numbers**2
    if options.held_out is None:
        options.held_out = min(1500, pairs * 15 // 100)
    if options.held_out >= pairs:
        parser.error(f"there are {pairs:,} pairs, so that fewer can be held out than {options.held_out:,}")
    largest = 10**notation.places - 1
    for a, sign, b in options.ask:
        if sign != notation.operation or max(a, b) > largest:
            known = f"a {notation.operation} b, with numbers up to {largest}"
            parser.error(f"--ask {a}{sign}{b}: it can be asked {known}")


def run(options: argparse.Namespace, notation: Notation) -> None:
    """Learn, or go on; answer; be judged; draw."""
    refuse_taken(options)
    tl.manual_seed(options.seed)
    learnt, held_out = deal(notation, options.held_out, options.seed)
    report.print_problems(notation, learnt, held_out)
    model, curve = learn(notation, learnt, held_out[:WATCHED], options)
    if options.ask:
        print()
    for a, sign, b in options.ask:
        (said,) = answers(model, notation, np.array([[a, b]]))
        right = notation.result(a, b)
        print(f"{a} {sign} {b} = {said}{'' if said == right else f'   no, {right}'}")

    exam = report.examine(model, notation, learnt, held_out, options.seed)
    report.print_exam(exam)
    print("\nPictures:")
    if curve.points:
        save(pictures.draw_learning(curve.points, notation), options.out / "learning.png")
    save(pictures.draw_surprise(model, exam), options.out / "surprise.png")
    save(pictures.draw_errors(exam), options.out / "errors.png")
    draw_heads(model, notation, options.out / "attention.png")


def draw_heads(model: GPT, notation: Notation, path: Path) -> None:
    """Where every head looks from each character of an answer, and from the = before it."""
    a, b = 58 % notation.numbers, 67 % notation.numbers
    question, answer = notation.question(a, b), answers(model, notation, np.array([[a, b]]))[0]
    text = question + notation.turned(answer)
    attention = model.trace(TOKENIZER.encode(text)).attention
    start = notation.asked - 1  # the = from which the answer's first character is guessed
    steps = [f"{at}→{then}" for at, then in zip(text[start:], [*text[start + 1 :], END], strict=True)]
    title = f"Where each head looks while the model writes {text[start + 1 :]} after {question.replace(' ', '')}"
    draw_attention([layer[:, start:] for layer in attention], steps, path, keys=list(text), title=title)
    print(f"  {path}")


if __name__ == "__main__":
    main()
