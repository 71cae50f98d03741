"""Planted mistakes: gradcheck finds each of them, and says what leads to it."""

import re

import pytest

from planted import MISTAKES


def test_there_are_enough_planted_mistakes_and_each_has_a_name_of_its_own():
    assert len({mistake.what for mistake in MISTAKES}) == len(MISTAKES) >= 150


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.what)
def test_a_planted_mistake_is_found_and_explained(mistake):
    assert re.search(mistake.says, str(mistake.error()))
