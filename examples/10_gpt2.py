"""OpenAI's GPT-2, 124 million weights or more: how it reads a text, what it would say, what goes on inside.

    python examples/10_gpt2.py gpt2 --prompt "The weather today is"

The folder is as Hugging Face keeps it: config.json, model.safetensors, vocab.json and merges.txt. To fetch the
smallest, 548 MB, once:

    pip install huggingface_hub
    hf download openai-community/gpt2 config.json model.safetensors vocab.json merges.txt --local-dir gpt2

Larger ones are openai-community/gpt2-medium, -large and -xl. A model of your own will do as well, which
`GPT.save_pretrained` wrote, with its tokenizer's files beside it, which `BPETokenizer.to_files` writes.

The network is the same that 08_gpt.py trains, only larger, and so is the code:

    text -> tokens          BPETokenizer, the pieces that GPT-2 learnt      transformer/tokenizer/
    the weights             GPT.from_pretrained                             transformer/pretrained/
    what it would say       logits, softmax                                 transformer/generation/sampling.py
    inside                  the attention of every head; the logit lens     transformer/inspect/probes.py

    attention_0.png, ...    who looks at whom in every head of each layer
    lens.png                what it would say next after each block
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import helpers.first  # noqa: F401  before NumPy is imported

# isort: split

import tinygrad_lecture as tl
from helpers.inside import draw_inside, pieces, print_next, printable
from helpers.lecture import (
    DataError,
    carry_out,
    command_line,
    given,
    not_negative,
    refuse_idle,
    some_share,
    until_ctrl_c,
    whole,
)
from transformer import GPT, BPETokenizer
from transformer.inspect.pictures import MOST, visible

HOW = "fetch one first, as `python examples/10_gpt2.py --help` says"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run with command-line arguments. Where something is wrong with them, SystemExit says what."""
    parser = command_line("10_gpt2.py", __doc__, "out/gpt2")
    parser.add_argument("folder", type=Path, nargs="?", default=Path("gpt2"), help="with the model (gpt2)")
    add = parser.add_argument
    add("--prompt", default="The weather today is", metavar="TEXT", help='how the text begins ("The weather today is")')
    add("--tokens", type=whole(0), default=40, metavar="N", help="to write (40)")
    add("--temperature", type=not_negative, default=0.8, metavar="T", help="0 takes the likeliest, 1 draws (0.8)")
    add("--top-k", type=whole(1), default=50, metavar="K", help="draw from the K likeliest (50)")
    add("--top-p", type=some_share, metavar="P", help="draw from the likeliest that have P together")
    options = parser.parse_args(arguments)
    if options.temperature == 0:
        refuse_idle(
            parser, given(parser, arguments), ["top_k", "top_p"], "with --temperature 0, which takes the likeliest"
        )
    carry_out(run, parser, options)


def run(options: argparse.Namespace) -> None:
    """Read the model, and let it read, write and be looked at."""
    tl.manual_seed(options.seed)
    model, tokenizer = load(options.folder)
    print_size(model)
    ids = tokenizer.encode(options.prompt)
    if not ids:
        raise DataError("the prompt is empty; GPT-2 goes on with a text, so give it a word")
    if len(ids) > model.context:
        raise DataError(f"the prompt has {len(ids):,} tokens, and the model looks at {model.context:,} at most")
    print(f"\nThe prompt as {len(ids)} tokens:")
    for token, piece in zip(ids, pieces(tokenizer, ids), strict=True):
        print(f"  {token:6}  {visible(piece)}")
    print_next(model, tokenizer, ids)
    if options.tokens:
        write(model, tokenizer, ids, options)
    draw_inside(model, tokenizer, ids[-MOST:], options.out)


def load(folder: Path) -> tuple[GPT, BPETokenizer]:
    """The model and its tokenizer. Raises DataError if the folder is missing, or holds something else."""
    if not folder.is_dir():
        raise DataError(f"there is no folder {folder} with a GPT-2 in it: {HOW}")
    try:
        tokenizer = BPETokenizer.from_files(folder)
        model = GPT.from_pretrained(folder)
    except (FileNotFoundError, ValueError) as error:
        raise DataError(str(error)) from error
    if tokenizer.vocab_size > model.config.vocab_size:
        raise DataError(
            f"in {folder} the tokenizer has {tokenizer.vocab_size:,} tokens and the model {model.config.vocab_size:,}: "
            "they do not belong together"
        )
    return model, tokenizer


def print_size(model: GPT) -> None:
    """Print how many weights the model has, part by part, by the formula and counted."""
    config = model.config
    print(f"{config.layers} blocks of {config.heads} heads, {config.width} wide, {config.vocab_size:,} tokens:")
    for part, count in config.parameters_by_part().items():
        if count:
            print(f"  {part:10} {count:15,}")
    counted = sum(p.numel() for p in model.parameters())
    print(f"  {'together':10} {config.parameter_count():15,}, and counted {counted:,}")


def write(model: GPT, tokenizer: BPETokenizer, ids: list[int], options: argparse.Namespace) -> None:
    """Let it go on with the prompt, on the screen and as it comes."""
    print(f"\nIt goes on, at temperature {options.temperature:g}:\n\n{printable(options.prompt)}", end="", flush=True)
    choice = {"temperature": options.temperature, "top_k": options.top_k, "top_p": options.top_p, "seed": options.seed}
    end = tokenizer.special_tokens.get("<|endoftext|>")
    tokens = model.generate(ids, max_new_tokens=options.tokens, stop=end, **choice)
    for piece in until_ctrl_c(tokenizer.stream(tokens)):
        print(printable(piece), end="", flush=True)
    print()


if __name__ == "__main__":
    main()
