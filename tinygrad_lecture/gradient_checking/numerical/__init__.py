"""The numerical gradient: what a function's values say its gradient should be, without any backward rule.

methods.py              choosing a method; the complex step f'(x) = Im f(x + ih) / h, where every op is analytic
central_differences.py  f'(x) ≈ (f(x + h) - f(x - h)) / 2h at several step sizes; finds kinks
gradient.py             `Problem` and `NumericalGradient`: the question, and the result with its error estimate
"""
