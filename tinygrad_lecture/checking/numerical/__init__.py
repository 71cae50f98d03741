"""The numerical gradient: what a function's values say its gradient should be, without any backward rule.

methods.py              choosing a method: the complex step if every op is analytic, else central differences
complex_step.py         f'(x) = Im f(x + ih) / h
central_differences.py  f'(x) ≈ (f(x + h) - f(x - h)) / 2h at several step sizes; finds kinks
gradient.py             `NumericalGradient`: the result, with an error estimate for every element
"""
