"""`python -m tinygrad_lecture.testing`: grade submissions, and pack a course."""

import sys

from .grading.commands import main

if __name__ == "__main__":
    sys.exit(main())
