"""Planted mistakes: wrong backward rules, and the words that must lead to the mistake. One table per kind of op."""

from .elementwise import ELEMENTWISE
from .held_out import HELD_OUT
from .held_out_fourth import HELD_OUT_FOURTH
from .held_out_second import HELD_OUT_SECOND
from .held_out_third import HELD_OUT_THIRD
from .indexing import INDEXING
from .lecture import LECTURE
from .mistake import Mistake
from .normalising import NORMALISING
from .products import PRODUCTS
from .reductions import REDUCTIONS
from .upstream import UPSTREAM

MISTAKES: list[Mistake] = [
    *(*PRODUCTS, *ELEMENTWISE, *REDUCTIONS, *NORMALISING, *INDEXING, *UPSTREAM),
    *(*HELD_OUT, *HELD_OUT_SECOND, *HELD_OUT_THIRD, *HELD_OUT_FOURTH, *LECTURE),
]
