"""Gradient checking: analytical gradients, from the backward rules, against numerical ones, from function values.

check.py                `tl.gradcheck` and `tl.gradgradcheck`, the check in a few steps; are the rules pure?
subject.py              what is checked: a function and its inputs
analytical.py           the analytical gradient: a backward pass from a random upstream gradient; rules that fail
numerical.py            the numerical gradient, by the complex step or by central differences
verdict.py              the comparison, element by element: right, wrong, or cannot tell
explanation.py          the error for a wrong gradient; which op is at fault
hints/                  the likely cause: known mistakes, each with the gradient it would give
faults.toml             what is said of functions and rules that cannot be checked, or are not pure
report.py               GradcheckError and GradcheckReport
"""
