"""Sets NumPy to one BLAS thread. Import it before NumPy, which reads the setting once, when it is first imported.

The programs multiply small matrices: sharing one among threads takes longer than multiplying it, and slows down
everything else on the machine. For wider networks set OPENBLAS_NUM_THREADS yourself; your setting is kept.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
