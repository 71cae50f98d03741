"""What 09_architectures.py prints."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np

Guesses = Sequence[tuple[str, float]]


def who_sees_whom(
    seen: Mapping[str, np.ndarray], words: Sequence[str], source: Sequence[str], target: Sequence[str]
) -> None:
    """Print a row for each output, with a # under each token on which it depends."""
    print("Who sees whom, measured: a row for each token's output, # under the tokens on which it depends.")
    print('"Previous" includes the token itself.')
    outputs = {"decoder-only": words, "encoder-only": words}
    for name, grid in seen.items():
        rows = outputs.get(name, target)
        inputs = {"encoder-decoder, source": source, "encoder-decoder, target": target}.get(name, words)
        what = {"encoder-decoder, source": "each output sees all tokens of the source",
                "encoder-decoder, target": "each output sees only previous tokens of the target",
                "decoder-only": "previous tokens only", "encoder-only": "all tokens"}[name]  # fmt: skip
        print(f"\n  {name}: {what} ({' '.join(inputs)})")
        for label, row in zip(rows, grid, strict=True):
            print(f"  {label:>9}  " + " ".join("#" if sees else "." for sees in row))


def task(title: str) -> None:
    """Print a heading."""
    print(f"\n{title}:")


def progress(step: int, loss: float) -> None:
    """Print the loss."""
    print(f"  step {step:5}: loss {loss:.3f}", flush=True)


def written(who: str, texts: Sequence[str], possible: Collection[str]) -> None:
    """Print some texts that a model wrote, and how many are sentences of the corpus."""
    if who == "the encoder":
        print("\nWhy BERT is no generator. To write, the encoder fills a mask at the end of the text, then the next:")
    else:
        print("It writes, word by word:")
    for text in texts[:3]:
        print(f"  {text}")
    whole = np.mean([text in possible for text in texts])
    print(f"  Of {len(texts)} texts that {who} wrote, {whole:.0%} are sentences as the corpus has them.")
    if who == "the encoder":
        print("  It has learnt which word fits between others, not which comes next, nor where a text ends.")


def hidden(around: float, before: float) -> None:
    """Print how many hidden words each says right."""
    print(f"  Of the words hidden in the test the encoder says {around:.0%} right, from both sides;")
    print(f"  the decoder says {before:.0%}, from the left alone.")


def gaps(found: Sequence[tuple[str, Guesses, Guesses]]) -> None:
    """Print the guesses for each gap."""
    for text, before, around in found:
        print(f"  {text.replace('<mask>', '___')}")
        for name, guesses in (("decoder", before), ("encoder", around)):
            print(f"    {name}   " + ", ".join(f"{word} {p:.2f}" for word, p in guesses))


def few_labels(n: int, untrained: float, trained: float) -> None:
    """Print how well one linear layer tells sentences apart, from an untrained and from this encoder's vectors."""
    print(
        "\nClassification: is a sentence about one or about several? A linear layer tells it by the encoder's vectors,"
    )
    print(f"learnt from {n} labelled sentences. The mean of eight trials, each with other sentences:")
    print(f"  with an untrained encoder {untrained:.0%} right, with this one {trained:.0%}")


def translated(
    wrote: Sequence[str], iso: Sequence[str], said: Sequence[str], mine: str, answer: str, right: str | None
) -> None:
    """Print some translations, and how many are right; then that of the date that was asked for."""
    for text, true, translation in [*zip(wrote[:4], iso, said, strict=False), (mine, right, answer)]:
        mark = (
            "no such day, or a form that is not learnt"
            if true is None
            else "right"
            if true == translation
            else f"wrong, it is {true}"
        )
        print(f"  {text:22} -> {translation:12} {mark}".rstrip())
    share = np.mean([a == b for a, b in zip(iso, said, strict=True)])
    print(f"  Of {len(iso)} dates in years that end in 9, none of which it has learnt from, {share:.0%} are right.")


def parallel(at_once: float, one_by_one: float, difference: float) -> None:
    """Print how long a prompt takes."""
    print("\nInference: a prompt of 200 tokens, read by a decoder of 4 blocks")
    print(f"  all tokens in parallel {at_once:7.0f} ms")
    longer = f"{one_by_one / at_once:.0f} times as long: as an answer is generated"
    print(f"  token by token         {one_by_one:7.0f} ms, {longer}")
    print(f"  The scores after the last token are the same, to {difference:.0e}.")
