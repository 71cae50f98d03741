"""Parts of the programs: a file for each, with what it prints and draws, and what several of them share.

A program imports it first, so that Ctrl-C ends the program in one line from then on, also while it still imports.
"""

import sys
from pathlib import Path
from types import TracebackType

_before = sys.excepthook


def _end(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        print(f"\n{Path(sys.argv[0]).name}: aborted", file=sys.stderr)
    else:
        _before(kind, error, trace)


sys.excepthook = _end
