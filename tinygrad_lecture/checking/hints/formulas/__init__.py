"""Hints that compare formulas: what the rule computes, and what it should.

recognise.py      what an array of numbers is: 1 - out * out, exp(x) / a, ...
factors.py        a factor is missing, or there is one too many
derivatives.py    the derivative that the rule uses, and the true one
matrices.py       factors of a matrix product in the wrong order, or transposed
term.py           `Term`: what a sum in a gradient may consist of
missing_terms.py  a term of a sum is missing
swapped_terms.py  one term of a sum is wrong
"""
