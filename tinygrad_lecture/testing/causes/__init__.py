"""Likely causes of a wrong result.

known.py    mistakes that a teacher names, each with what it would return
values.py   mistakes that any function can have: a sign, a factor, a transpose, an input that is not used
"""
