"""For 12_arithmetic.py.

problems.py  sums as texts, and a model's answers
curve.py     its learning curve, in a file
report.py    what it prints
pictures.py  its pictures
"""
