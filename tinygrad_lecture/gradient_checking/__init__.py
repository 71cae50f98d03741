"""Gradient checking: analytical gradients, from the backward rules, against numerical ones, from function values.

check.py          `tl.gradcheck` and `tl.gradgradcheck`, and the check in a few steps
subject.py        what is checked: a function and its inputs
analytical.py     the analytical gradient: a backward pass from a random upstream gradient
purity.py         do the rules depend on what they are given, and on nothing else?
numerical/        the numerical gradient: the complex step and central differences
verdict.py        the comparison, element by element: right, wrong, or cannot tell
more_digits.py    a second look with longdouble, where float64 cannot tell
explanation.py    the error for a wrong gradient; which output and which op is at fault
hints/            the likely cause: known mistakes, each with the gradient it would give
second_order.py   the function that `tl.gradgradcheck` checks: gradients as a function of inputs
rule_errors.py    the error for a rule that raises, or returns something else than a gradient
watch.py          observers: which ops were called, what their rules returned
report.py         GradcheckError and GradcheckReport
"""
