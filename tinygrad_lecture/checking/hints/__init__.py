"""The likely cause of a wrong gradient: a table of known mistakes.

diagnosis.py      the table: the hints in the order in which they are tried
case.py           `Case`: what a hint knows about a wrong gradient
elements.py       useless numbers, wrong signs, wrong regions
masks.py          0 where it should not be, or no 0 where it should be
upstream.py       the upstream gradient g is ignored, used twice, added, averaged
arguments.py      the rule uses the wrong argument, or changes one
factors.py        a factor is missing, or there is one too many
derivatives.py    the derivative that the rule uses, and the true one, as formulas
terms.py          a term of a sum is missing
swapped_terms.py  one term of a sum is wrong
matrices.py       factors of a matrix product in the wrong order, or transposed
movement.py       the right numbers in the wrong places
sums.py           contributions are not added up, or too many are
axes.py           a sum over the wrong axis
targets.py        the -1 at the target of a cross-entropy
jacobian.py       part of the Jacobian is missing, or in the wrong place

formulas.py       what an array of numbers is: 1 - out * out, exp(x) / a, ...
term.py           `Term`: what a sum in a gradient may consist of
places.py         where elements lie, in words
"""
