"""The likely cause of a wrong gradient: a table of known mistakes.

diagnosis.py   the table: the hints in the order in which they are tried
case.py        `Case`: what a hint knows about a wrong gradient
upstream.py    the upstream gradient g is ignored, used twice, added, averaged
arguments.py   the rule uses the wrong argument, or changes one
elements/      single elements: signs, masks, numbers in the wrong places
formulas/      factors, terms, matrix products: what the rule computes, and what it should
sums.py        contributions are not added up, or too many are
axes.py        a sum over the wrong axis
known_ops.py   attention, normalising layers, losses and gather, each with its typical mistakes
jacobian.py    part of the Jacobian is missing, or in the wrong place
"""
