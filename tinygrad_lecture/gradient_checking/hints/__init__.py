"""The likely cause of a wrong gradient: a table of known mistakes.

diagnosis.py     the table: the hints in the order in which they are tried
case.py          `Case`: what a hint knows about a wrong gradient
closed_forms.py  mistakes as data: a sentence, and the gradient that a rule with this mistake would give
known_ops.py     attention, normalising layers, losses and gather, each with its typical mistakes
elements.py      single elements: signs, masks, numbers in the wrong places
jacobian.py      part of the Jacobian is missing, or in the wrong place
recognise.py     what an array of numbers is: 1 - out * out, exp(x) / a, ...
factors.py       a factor is missing, or the derivative is another formula
terms.py         a term of a sum is missing, or is a wrong one
products.py      factors of a matrix product in the wrong order, or transposed
places.py        where elements lie, in words
"""
