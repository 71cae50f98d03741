"""L-BFGS: steps that use the curvature, from the last few gradients.

lbfgs.py         the optimiser
line_search.py   how far to go in a direction
"""

from .lbfgs import LBFGS

__all__ = ["LBFGS"]
