"""tinygrad_lecture.testing, `tl.testing`: the checker as a library, for teachers and for tests of your own.

It needs Hypothesis: `python -m pip install hypothesis`.

    check_rule(forward, rule, inputs)        is a backward rule right?
    check_function(fn, reference, inputs)    does a function return what another one does?
    check_property(check, inputs)            does a check of your own hold for all inputs?

Each raises CheckFailed, with the smallest input that shows the mistake, and the likely cause. Inputs are Hypothesis
strategies: `arrays`, `shapes`, `broadcastable`, `matrices`, `indices`, `with_axis`.

    Course, Exercise                         exercises of your own
    python -m tinygrad_lecture.testing       grade submissions

checks.py    check_function, check_property, right or wrong, likely causes
rules.py     check_rule
search.py    inputs, and the smallest one on which an answer fails
failures.py  CheckFailed, a learner's function called
courses.py   Exercise, Course
grading.py   points; classes.py those of a class, also when interrupted; __main__.py is the command
sandbox/     submissions in a process
causes.toml  what is said of mistakes
"""

try:
    import hypothesis as _hypothesis  # noqa: F401
except ImportError as _error:
    raise ImportError("tl.testing needs Hypothesis: python -m pip install hypothesis") from _error

# ruff: noqa: F403 - the star imports are typed: each file has an __all__
from ..errors import tell_missing as _tell_missing
from .checks import *
from .courses import *
from .failures import *
from .rules import *
from .search import *

_tell_missing({"tl.testing": globals()})
