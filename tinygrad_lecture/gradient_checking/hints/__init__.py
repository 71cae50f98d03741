"""The likely cause of a wrong gradient: a table of known mistakes.

causes.toml      what is said about each mistake
diagnosis.py     the searches for mistakes in the order in which they are tried
case.py          `Case`: what a search knows about a wrong gradient
closed_forms.py  mistakes with the gradient that a rule with this mistake would give
known_ops.py     attention, normalising layers, losses and gather, each with its typical mistakes (known_ops.toml)
factors.py       a factor is missing, or the derivative is another formula
terms.py         a term of a sum is missing or wrong, or the factors of a matrix product are
places.py        where the rule is wrong: signs, masks, parts of the Jacobian
"""
