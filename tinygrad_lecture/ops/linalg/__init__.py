"""Linear algebra: this package is `tl.linalg`, with the names of PyTorch's `torch.linalg`.

What has no rule here, such as eigenvalues, is left out.
"""

from ...errors import LinAlgError
from ..basics import matmul
from ..indexing import diagonal
from ..reduction import norm as vector_norm
from .matrices import any_norm as norm
from .matrices import cholesky, det, inv, lstsq, matrix_norm, matrix_power, matrix_rank, pinv, qr, slogdet, solve
from .matrices import solve_triangular as solve_triangular
from .products import cross_along as cross

__all__ = [
    "LinAlgError", "cholesky", "cross", "det", "diagonal", "inv", "lstsq", "matmul", "matrix_norm", "matrix_power",
    "matrix_rank", "norm", "pinv", "qr", "slogdet", "solve", "solve_triangular", "vector_norm",
]  # fmt: skip
