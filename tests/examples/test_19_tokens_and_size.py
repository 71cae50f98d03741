"""Four ways to cut a sum into tokens."""

import numpy as np
import pytest

from helpers.tokens_and_size import byte_pairs, characters, numbers, special
from programs import load

program = load("19_tokens_and_size")
PAIRS = np.stack(np.divmod(np.arange(2500), 50), axis=1)
CUTS = {"characters": characters(), "numbers": numbers(100), "special": special(100), "pairs": byte_pairs(PAIRS)}


@pytest.mark.parametrize(
    ("name", "pieces"),
    [
        ("characters", ["1", "2", "+", "3", "0", "="]),
        ("numbers", ["12", "+", "30", "="]),
        ("special", ["NUM_12", "OP_PLUS", "NUM_30", "OP_EQUALS"]),
    ],
)
def test_the_lectures_tokenizations(name, pieces):
    assert CUTS[name].pieces_of("12+30=") == pieces


@pytest.mark.parametrize("name", CUTS)
def test_every_sum_comes_back_from_its_tokens(name):
    cut = CUTS[name]
    assert all(cut.decode(cut.encode(str(a))) == str(a) for a in range(100))
    tokens, targets = program.encode(cut, PAIRS)
    answers = [cut.decode([t for t in row if t >= 0]) for row in targets.tolist()]
    assert answers == [str(a + b) for a, b in PAIRS.tolist()]
    assert tokens.max() < cut.size


def test_special_tokens_are_number_tokens_under_other_names():
    for a, b in zip(program.encode(CUTS["numbers"], PAIRS), program.encode(CUTS["special"], PAIRS), strict=True):
        assert (a == b).all()
