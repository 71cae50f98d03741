"""For 23_chat.py: lines from a terminal or a pipe, answers as they come, and what stands behind them."""

import re
import sys
from collections import Counter
from contextlib import suppress

import numpy as np
from rich.console import Console
from rich.text import Text

from helpers.inside import effective_number, printable
from helpers.real import largest
from transformer.inspect.trace import visible

CONSOLE = Console(highlight=False)
ESCAPES = re.compile(  # sequences that a terminal obeys, such as colours and titles, and other control characters
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[ -/]*[0-~]|[\x00-\x08\x0a-\x1f\x7f-\x9f]"
)


def say(text, style="dim"):
    """Print a line that is not the model's."""
    CONSOLE.print(text, style=style, markup=False, soft_wrap=not sys.stdin.isatty())


def lines():
    """Yield what is typed or piped in, line by line, without empty ones and without escapes.

    Ctrl-C clears a line that is being typed, and ends a pipe.
    """
    typed = sys.stdin.isatty()
    with suppress(ImportError):  # Windows has none
        import readline  # noqa: F401 - from now on `input` edits a line, and knows those before
    while True:
        try:
            line = ESCAPES.sub("", input("\n> " if typed else "")).strip()
        except EOFError:
            return
        except KeyboardInterrupt:
            if not typed:
                return
            say("\n/quit or Ctrl-D ends the chat")
            continue
        if line:
            if not typed:
                say(f"\n> {line}")
            yield line


def streaming(pieces):
    """Print an answer as it comes."""
    for piece in pieces:
        CONSOLE.print(Text(printable(piece)), end="", soft_wrap=True)
        CONSOLE.file.flush()
    CONSOLE.print()


def why(chat, p, place):
    """Print the alternatives of a token of the last answer, and what wanted it."""
    tokens = chat.drawn
    texts = [chat.tokenizer.decode([token]) for token in tokens]
    row, said = p[place], float(p[place, tokens[place]])
    before = "".join(texts[max(0, place - 6) : place])
    say(f'after "...{before}" it said "{texts[place].strip()}"; at temperature 1 the likeliest were')
    best = np.argsort(-row, kind="stable")[:6].tolist()
    for token in best if tokens[place] in best else [*best, tokens[place]]:
        mark = "said" if token == tokens[place] else ""
        word, bar = visible(chat.tokenizer.decode([token])), "█" * round(40 * float(row[token]))
        say(f"  {row[token]:6.1%}  {word:12} {bar}  {mark}".rstrip(), style="")
    how = "sure" if said > 0.9 else "not sure" if said < 0.5 else "rather sure"
    among = f"as if it chose among {effective_number(row):.1f} equally likely words"
    say(f"it was {how}: {among}; being sure is not being right")
    wanted(chat, place)


def wanted(chat, place):
    """Print which parts of the model added most to the logit of a token of the last answer."""
    points = ["embedding", "blocks.*.attention.heads", "blocks.*.ffn"]
    shares = chat.model.trace(chat.read_until(place), points=points).shares(chat.drawn[place])
    say(f"its score is {shares.logit:.2f}, the sum of what all parts of the model added; the most:")
    for name, share in [*shares.by_part().items()][:6]:
        say(f"  {share:+6.2f}  {name}", style="")


def attention(model, read, written):
    """Print what the heads looked at when a token was written after others."""
    trace = model.trace(read, points="blocks.*.attention.weights")
    texts = [visible(model.tokenizer.decode([token])) for token in read]
    word = visible(model.tokenizer.decode([written]))
    last = np.stack([weights[:, -1] for weights in trace.attention])  # (blocks, heads, tokens): of the last token
    most = Counter(kind(row) for row in last.reshape(-1, len(read)))
    say(f'"{word}" was written from the vector of "{texts[-1]}", whose {most.total()} heads look most at')
    for what, count in most.most_common():
        say(f"  {count:4}  {what}")
    far = last.copy()
    far[..., 0] = far[..., -2:] = 0  # what is neither the habit of looking at the start nor next to it
    say("the strongest that look at neither the start nor the last two tokens:")
    for block, head, at in largest(far, 6):
        there = f"{far[block, head, at]:4.0%} at {texts[at]}, {len(read) - 1 - at} tokens before"
        say(f"  head {f'{block}.{head}':5} {there}")


def kind(row):
    """What a token's weights are largest at. row: (tokens,), itself the last."""
    from_end = {1: "the token itself", 2: "the token before", len(row): "the first token of all: nothing to add"}
    return from_end.get(len(row) - int(row.argmax()), "another token")
