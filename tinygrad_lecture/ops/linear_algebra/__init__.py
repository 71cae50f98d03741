"""Square matrices and norms under the names of PyTorch's `torch.linalg`: this package is `tl.linalg`.

(..., n, n) is a batch of matrices. What has no rule here, such as eigenvalues, is left out.
"""

from .matrices import cholesky, det, inv, slogdet, solve
from .norms import any_norm as norm
from .norms import matrix_norm, vector_norm
from .products import cross

__all__ = ["cholesky", "cross", "det", "inv", "matrix_norm", "norm", "slogdet", "solve", "vector_norm"]
