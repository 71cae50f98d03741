"""Square matrices and norms under the names of PyTorch's `torch.linalg`: this package is `tl.linalg`.

(..., n, n) is a batch of matrices. What has no rule here, such as eigenvalues, is left out.
"""

from ...errors.kinds import LinAlgError
from ..indexing import diagonal
from ..linalg import matmul
from .factorizations import lstsq, matrix_rank, pinv, qr, solve_triangular
from .matrices import cholesky, det, inv, slogdet, solve
from .norms import any_norm as norm
from .norms import matrix_norm, vector_norm
from .products import cross_along as cross
from .products import matrix_power

__all__ = [
    "LinAlgError", "cholesky", "cross", "det", "diagonal", "inv", "lstsq", "matmul", "matrix_norm", "matrix_power",
    "matrix_rank", "norm", "pinv", "qr", "slogdet", "solve", "solve_triangular", "vector_norm",
]  # fmt: skip
