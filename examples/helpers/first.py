"""What every program imports first: Ctrl-C ends it with one line, also while it imports the rest; one BLAS thread.

NumPy reads the number of threads once, when it is first imported. The programs multiply small matrices: sharing one
among threads takes longer than multiplying it, and slows down everything else on the machine. For wider networks set
OPENBLAS_NUM_THREADS yourself; your setting is kept.
"""

import os
import sys
from types import TracebackType

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def _in_one_line(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        print(f"\n{os.path.basename(sys.argv[0])}: aborted", file=sys.stderr)  # noqa: PTH119 - pathlib takes time
    else:
        sys.__excepthook__(kind, error, trace)


sys.excepthook = _in_one_line
