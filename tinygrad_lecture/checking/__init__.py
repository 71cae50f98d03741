"""Are the backward rules right? What stands behind `tl.gradcheck` and `tl.gradgradcheck`.

gradcheck.py        the two checks: gradients by the rules against gradients from values
subject.py          what is checked: a function and its inputs, to be run again and again
pullback.py         the gradients that the rules give
differences.py      what they should be: the complex step and central differences
verdict.py          the two side by side, element by element
explanation.py      from a wrong gradient to an error: which output, which op
hints.py            what is likely the matter: a table of known mistakes
report.py           the error and the report
"""
