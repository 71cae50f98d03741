"""The likely cause of a wrong gradient: a table of known mistakes.

diagnosis.py   the table: the hints in the order in which they are tried
case.py        `Case`: what a hint knows about a wrong gradient
elements.py    right or wrong in some elements only: masks, signs, order
upstream.py    the upstream gradient g is ignored, used twice, added
factors.py     a factor is missing or wrong
terms.py       a term of a sum is missing
sums.py        contributions are not added up
axes.py        a sum over the wrong axis, a transpose
jacobian.py    part of the Jacobian, or its transpose
arguments.py   the rule uses the wrong argument
"""
