"""Checks, hints and solutions: a file of data for each chapter, and what is checked. Reading them spoils the exercises.

spec.py    the data: solutions, and mistakes with their causes     steps.py   the parts that checks are made of
tensors.toml   what is told in all exercises where Tensors and arrays are mixed up
observers.py   what is looked at in a submission, where its objects are
scalars.py chapters 1, 2    rules.py 3, 4, 5    learning.py 6, 7    transformer.py 8, 9    lecture.py 10
"""
