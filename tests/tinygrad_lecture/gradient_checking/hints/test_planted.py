"""Planted mistakes: gradcheck finds each of them, and says what leads to it."""

import re

import pytest

from planted import MISTAKES


def test_at_least_95_percent_of_the_planted_mistakes_have_a_hint():
    assert len({mistake.what for mistake in MISTAKES}) == len(MISTAKES)
    assert sum(mistake.says != "" for mistake in MISTAKES) >= 0.95 * len(MISTAKES)


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.what)
def test_a_planted_mistake_is_found_and_explained(mistake):
    error = mistake.error()
    assert re.search(mistake.says or "is wrong", str(error))
    assert mistake.says or error.hint in (None, "constant-factor")
