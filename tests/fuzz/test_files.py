"""Damaged files: a named error or a load, never a raw error of Python or NumPy. See files.py."""

import random

import pytest

from files import READERS, attack, damaged_json


@pytest.mark.parametrize("reader", READERS)
def test_a_damaged_file_loads_or_is_refused_by_name(reader):
    complaints = attack(reader, range(100))
    assert not complaints, "\n".join(complaints[:5])


def test_a_seed_does_the_same_damage_each_time():
    value = {"a": [1, 2, {"b": None}], "c": "x"}
    texts = [damaged_json(value, random.Random(seed)) for seed in range(20)]
    assert texts == [damaged_json(value, random.Random(seed)) for seed in range(20)]
    assert len(set(texts)) > 10
