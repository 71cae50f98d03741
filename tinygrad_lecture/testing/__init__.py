"""tinygrad_lecture.testing, `tl.testing`: the checker as a library, for teachers and for tests of your own.

It needs Hypothesis: `python -m pip install hypothesis`.

    check_rule(forward, rule, inputs)        is a backward rule right? Also for PyTorch's autograd.Function
    check_function(fn, reference, inputs)    does a function return what another one does?
    check_property(check, inputs)            does a check of your own hold for all inputs?
    check_op(op, inputs)                     are the rules of an op made with `tl.op` right?
    check_module(module, inputs)             are a module's outputs and gradients right?

Each raises CheckFailed, with the smallest input that shows the mistake, and the likely cause. Inputs are Hypothesis
strategies: `arrays`, `shapes`, `broadcastable`, `matrices`, `indices`, `with_axis`.

    Course, Exercise                         exercises of your own
    python -m tinygrad_lecture.testing       grade submissions

strategies.py  inputs                      checks.py      check_function, check_property, likely causes
failures.py    CheckFailed, its text       rules.py       check_rule, check_op, check_module
calls.py       a learner's function called courses.py     Exercise, Course
comparing.py   right or wrong              grading.py     points of a class
search.py      the smallest failing input  __main__.py    the command
sandbox/       submissions in a process    causes.toml    what is said of mistakes
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
from .strategies import *

_tell_missing({"tl.testing": globals()})
