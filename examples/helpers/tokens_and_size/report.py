"""What 19_tokens_and_size.py prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from helpers.tokens_and_size.tokenizers import Cut
from transformer import GPT


def cuts(found: Mapping[str, Cut], learnt: int, held_out: int) -> None:
    """Print a sum in each tokenization."""
    print(f"{learnt:,} sums to learn from, {held_out} held out. 12+30=42 as tokens:")
    for name, cut in found.items():
        pieces = [*cut.pieces_of("12+30="), *cut.pieces_of("42")]
        print(f"  {name:15} {' / '.join(pieces):48} {len(pieces)} tokens, of {cut.size}")
    print(f"\n  {'':15}{'parameters':>12}{'last loss':>11}{'learnt from':>13}{'held out':>10}")


def learnt(name: str, model: GPT, loss: float, known: float, new: float) -> None:
    """Print how well a tokenization is learnt."""
    print(f"  {name:15}{model.config.parameter_count():12,}{loss:11.4f}{known:13.1%}{new:10.1%}", flush=True)


def special(same: bool) -> None:
    """Print whether special tokens are number tokens."""
    if same:
        print("  special tokens are number tokens under other names: their ids are the same, and a model sees only ids")


def compared(held_out: Mapping[str, float], n: int) -> None:
    """Print what follows."""
    characters, whole = held_out["characters"], held_out["number tokens"]
    print('\n  The lecture proposes single tokens for numbers, so that "12" is not said digit by digit.')
    print(f"  Of the sums held out, characters get {characters:.0%} right here, number tokens {whole:.0%}.")
    if characters > whole + 0.05:
        print("  All sums are written with the same ten digits, but each number token has a vector of its own,")
        print("  and only its own sums to learn it from. So they take longer to learn. Try more --steps.")
    print(f"  A number of {n} or more would be a token that it has never read in a question.")


def ablation(shares: Sequence[float], pairs: int, width: int, parameters: int, row: np.ndarray, first: bool) -> None:
    """Print a row of the ablation."""
    if first:
        print("\nAblation. Right answers to sums held out, by the size of the model and of the training data:")
        print(f"  {'width':>6}{'parameters':>12}" + "".join(f"{f'{share * pairs:,.0f} sums':>13}" for share in shares))
    print(f"  {width:6}{parameters:12,}" + "".join(f"{right:13.1%}" for right in row), flush=True)
