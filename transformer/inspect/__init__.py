"""Looking inside a model, and trying what if: every point of it has a name.

points.py           the names; a hook at each, which sees the value and may change it
trace.py            what a model computes at every point while it reads a text; the logit lens
attention_maps.py   attention weights as text, in a notebook, and as a picture
shares.py           a logit as the sum of what each head and each FFN added
patching.py         which points carry what makes two texts end otherwise
inspectable.py      the base of the models, with points, edit and patch
"""

# ruff: noqa: F403
from .attention_maps import *
from .patching import *
from .shares import *
from .trace import *
