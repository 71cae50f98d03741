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
    python -m tinygrad_lecture.testing       grade submissions, and pack a course

strategies.py  inputs                      checks.py      check_function, check_property, likely causes
failures.py    CheckFailed, its text       rules.py       check_rule
calls.py       a learner's function called modules.py     check_op, check_module
comparing.py   right or wrong              courses.py     Exercise, Course
search.py      the smallest failing input  grading.py     points, reports
sandbox/       submissions in a process    __main__.py    the command
"""

try:
    import hypothesis as _hypothesis  # noqa: F401
except ImportError as _error:
    raise ImportError("tl.testing needs Hypothesis: python -m pip install hypothesis") from _error

from ..errors import tell_missing as _tell_missing
from .checks import Mistake as Mistake
from .checks import check_function as check_function
from .checks import check_property as check_property
from .courses import Course as Course
from .courses import Exercise as Exercise
from .failures import CheckFailed as CheckFailed
from .modules import check_module as check_module
from .modules import check_op as check_op
from .rules import check_rule as check_rule
from .strategies import arrays as arrays
from .strategies import broadcastable as broadcastable
from .strategies import indices as indices
from .strategies import matrices as matrices
from .strategies import numbers as numbers
from .strategies import same_shape as same_shape
from .strategies import shapes as shapes
from .strategies import with_axis as with_axis

_tell_missing({"tl.testing": globals()})
