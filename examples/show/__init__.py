"""What each program prints and draws: a file for each, named as its program. `report` begins it."""

import helpers  # noqa: F401  (so that Ctrl-C ends a program in one line, also while it still imports)
