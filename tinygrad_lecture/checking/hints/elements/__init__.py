"""Hints about single elements of a gradient: which are wrong, and in which place.

values.py     useless numbers, wrong signs, wrong regions
masks.py      0 where it should not be, or no 0 where it should be
targets.py    the -1 at the target of a cross-entropy
movement.py   the right numbers in the wrong places
places.py     where elements lie, in words
"""
