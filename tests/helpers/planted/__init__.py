"""Planted mistakes: wrong backward rules, and the words that must lead to the mistake. One table per kind of op."""

from .elementwise import ELEMENTWISE
from .indexing import INDEXING
from .mistake import Mistake
from .normalising import NORMALISING
from .products import PRODUCTS
from .reductions import REDUCTIONS
from .upstream import UPSTREAM

MISTAKES: list[Mistake] = [*PRODUCTS, *ELEMENTWISE, *REDUCTIONS, *NORMALISING, *INDEXING, *UPSTREAM]
