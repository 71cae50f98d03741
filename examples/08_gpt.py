"""A transformer learns to write: a small GPT, on any text, one character (or piece) after the other.

    python examples/08_gpt.py                                               # the reference of Python
    python examples/08_gpt.py --text shakespeare --out out/shakespeare      # 1.1 MB, downloaded once
    python examples/08_gpt.py --text names --lines --out out/names          # each line is a text of its own
    python examples/08_gpt.py --text my.txt --tokenizer bpe --vocabulary 1000 --out out/mine

At the start the network knows nothing: of V tokens each is about as likely as any other, and its loss about ln V (W_U
is W_E, so it holds each token itself for a little likelier to follow). Counting which token follows which is a first
way to do better. Then it learns: a window of the text, for each token the next one as
the target, cross-entropy, AdamW. From time to time it shows what it would write.

    text -> tokens          CharTokenizer, BPETokenizer         transformer/tokenizer/
    tokens -> vectors       W_E, and where each token stands    transformer/embedding.py
    4 times                 attention, then FFN                 transformer/block.py
    vectors -> logits       W_U                                 transformer/unembedding.py
    logits -> next token    softmax, temperature, a draw        transformer/generation/sampling.py

Ctrl-C ends it early and keeps everything; --resume goes on after that, or any other end, as if nothing had been. What
was learnt is in the folder --out, a run in each, where --again begins anew and --load lets it write:

    python examples/08_gpt.py --resume
    python examples/08_gpt.py --workers 2 --again           # two processes share each step, to the same result
    mpiexec -n 4 python examples/08_gpt.py --again          # so do four that MPI starts, on one machine or several
    python examples/08_gpt.py --load out/gpt --prompt "The " --temperature 0.7 --tokens 1000

    curves.png          the loss while it learns, beside that of a guess and of counting
    attention.png       who looks at whom in every head, in the text that it wrote
    lens.png            what it would say next after each block
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import helpers.first  # noqa: F401  before NumPy is imported

# isort: split

import nn
import tinygrad_lecture as tl
from helpers.gpt import report
from helpers.gpt import writer as gpt_writer
from helpers.gpt.text import Corpus, many_lines, one_text
from helpers.gpt.writer import Writer
from helpers.lecture import (
    DataError,
    carry_out,
    command_line,
    given,
    not_negative,
    positive,
    refuse_idle,
    share,
    some_share,
    whole,
)
from helpers.runs import add_ways_to_begin, learn_or_go_on, make_way, refuse_beside_a_run, refuse_taken, settings_of
from transformer import GPT, GPTConfig, TokenCrossEntropy, decay_groups

CHOSEN = (  # options that make another run of a text
    *("lines", "tokenizer", "vocabulary"),
    *("layers", "heads", "width", "context", "dropout"),
    *("steps", "batch_size", "lr", "decay"),
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run with command-line arguments. Where something is wrong with them, SystemExit says what."""
    parser = options_of_the_program()
    options = parser.parse_args(arguments)
    said = given(parser, arguments)
    if options.load:
        refuse_idle(
            parser, said, ["text", *CHOSEN, "workers", "resume", "again"], "with --load, where nothing is learnt"
        )
        if "out" not in said and options.load.is_dir():
            options.out = options.load
    else:
        refuse_useless(parser, options, said)
    if options.temperature == 0:
        refuse_idle(parser, said, ["top_k", "top_p"], "with --temperature 0, which takes the likeliest")
    carry_out(run, parser, options)


def run(options: argparse.Namespace) -> None:
    """Learn, or load what was learnt; then write, and look inside."""
    tl.manual_seed(options.seed)
    if options.load:
        if options.out != options.load:
            refuse_beside_a_run(options)
        writer = gpt_writer.load(options.load)
        if options.samples and not writer.lines:
            raise DataError(f"--samples: the model in {options.load} has learnt one text, and not lines")
        print(f"{options.load}: {writer.model.config.parameter_count():,} parameters, {writer.tokenizer!r}.")
        writer.encode(options.prompt)  # better before a heading than after it
        report.write(writer, options)
        report.look_inside(writer, options)
        return
    refuse_taken(options)
    complete(options)
    writer, corpus, history = nn.parallel.run(learn, options, workers=options.workers)
    report.print_end(history)
    report.draw_curves(history, report.guesses(corpus), options.out)
    report.write(writer, options, corpus.lines or frozenset())
    report.look_inside(writer, options)


def build(corpus: Corpus, options: argparse.Namespace) -> GPT:
    """The network with random initial weights; as in nanoGPT's smallest setting without biases."""
    sizes = {"layers": options.layers, "heads": options.heads, "width": options.width, "dropout": options.dropout}
    try:
        config = GPTConfig(vocab_size=corpus.tokenizer.vocab_size, context=corpus.context, bias=False, **sizes)
    except ValueError as error:
        raise DataError(str(error)) from error
    report.print_parameters(config)
    return GPT(config)


def learn(options: argparse.Namespace) -> tuple[Writer, Corpus, nn.History]:
    """A network that has learnt the text; its weights, and what going on takes, are in the folder `out`.

    Every worker calls this. The Trainer shares the windows of each step among them; worker 0 prints and writes files.
    """
    if options.lines:
        corpus = many_lines(options.text, options.tokenizer, options.vocabulary)
    else:
        corpus = one_text(options.text, options.tokenizer, options.vocabulary, options.context)
    print(corpus)
    writer = Writer(build(corpus, options), corpus.tokenizer, options.lines)
    writer.encode(options.prompt)  # better now than after the learning
    steps, batch_size = options.steps, min(options.batch_size, len(corpus.learn))
    optimizer = nn.optim.AdamW(decay_groups(writer.model, options.decay), options.lr, betas=(0.9, 0.99))
    schedule = nn.optim.lr_scheduler.CosineWithWarmup(optimizer, min(100, steps // 10), steps, options.lr / 10)
    test = nn.DataLoader(corpus.test, max(1, 8192 // corpus.context))
    report.print_guesses(report.guesses(corpus), nn.evaluate(writer.model, test, TokenCrossEntropy()).loss)

    print(f"\nLearning: {steps:,} steps of {batch_size:,} x {corpus.context} tokens, rate {options.lr:g}.")
    trainer = nn.Trainer(
        writer.model,
        nn.DataLoader(corpus.learn, batch_size, shuffle=True, drop_last=True),
        TokenCrossEntropy(),
        optimizer,
        steps=steps,
        test=test,
        schedule=schedule,
        clip_norm=1.0,
        record_every=max(1, steps // 8),
        on_record=lambda trainer: report.show_sample(writer, trainer.step),
        folder=options.out,
        settings={"--text": f"SHA-256 {corpus.sha256[:16]}", **settings_of(options, [*CHOSEN, "seed"])},
    )
    if nn.parallel.rank() == 0 and make_way(options):
        writer.save(options.out)
    history = learn_or_go_on(trainer, options)
    if history.best is not None:
        trainer.load_best()
    return writer, corpus, history


# --- the command line ---------------------------------------------------------------------------------------


def complete(options: argparse.Namespace) -> None:
    """Fill in what suits the text: nanoGPT's smallest setting for one, a narrower network for lines."""
    usual = {"width": 128, "batch_size": 12, "steps": 2000}
    if options.lines:
        usual = {"width": 64, "batch_size": 64, "steps": 6000}
    for name, value in usual.items():
        if getattr(options, name) is None:
            setattr(options, name, value)


def refuse_useless(parser: argparse.ArgumentParser, options: argparse.Namespace, said: set[str]) -> None:
    """End with a message for options that do nothing with the others."""
    if options.lines:
        refuse_idle(parser, said, ["context"], "with --lines, where it is the longest line's")
    else:
        refuse_idle(parser, said, ["samples"], "without --lines, where there is one text")
    if options.tokenizer != "bpe":
        refuse_idle(parser, said, ["vocabulary"], "without --tokenizer bpe, where each character is a token")


def options_of_the_program() -> argparse.ArgumentParser:
    """All options; None where `complete` chooses."""
    parser = command_line("08_gpt.py", __doc__, "out/gpt")
    add = parser.add_argument_group("the text").add_argument
    add("--text", default="python", metavar="FILE", help="a file, or one of python, shakespeare, names (python)")
    add("--lines", action="store_true", help="each line is a text of its own")
    add("--tokenizer", choices=("char", "bpe"), default="char", help="characters, or byte pairs to be learnt (char)")
    add("--vocabulary", type=whole(256), default=1000, metavar="N", help="tokens of byte pairs (1000)")

    add = parser.add_argument_group("the network").add_argument
    add("--layers", type=whole(1), default=4, metavar="N", help="blocks (4)")
    add("--heads", type=whole(1), default=4, metavar="N", help="of attention in each block (4)")
    add("--width", type=whole(1), metavar="N", help="of the vectors; a multiple of the heads (128; with --lines 64)")
    add("--context", type=whole(1), default=64, metavar="N", help="tokens that it sees; not with --lines (64)")
    add("--dropout", type=share, default=0.0, metavar="P", help="while learning (0)")

    group = parser.add_argument_group("the learning")
    add = group.add_argument
    add("--steps", type=whole(1), metavar="N", help="of the optimiser (2000; with --lines 6000)")
    add("--batch-size", type=whole(1), metavar="N", help="windows, or lines, a step (12; with --lines 64)")
    add("--lr", type=positive, default=1e-3, metavar="X", help="highest learning rate; the last is a tenth (0.001)")
    add("--workers", type=whole(1), default=1, metavar="N", help="processes that share each step, one per core (1)")
    add("--decay", type=not_negative, default=0.1, metavar="X", help="of the matrices (0.1)")
    add_ways_to_begin(group)

    add = parser.add_argument_group("the writing").add_argument
    add("--load", type=Path, metavar="DIR", help="a folder of an earlier run: write, and draw there, without learning")
    add("--prompt", default="", metavar="TEXT", help="how its text begins")
    add("--tokens", type=whole(1), default=400, metavar="N", help="that it writes, at most (400)")
    add("--samples", type=whole(1), metavar="N", help="texts, with --lines (20)")
    add("--temperature", type=not_negative, default=0.8, metavar="T", help="0 takes the likeliest token, 1 draws (0.8)")
    add("--top-k", type=whole(1), metavar="K", help="draw from the K likeliest")
    add("--top-p", type=some_share, metavar="P", help="draw from the likeliest that have P together")
    return parser


if __name__ == "__main__":
    main()
