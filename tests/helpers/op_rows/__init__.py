"""Rows of the op table, beside those in `op_table.py`: one file for each room of ops."""

from . import elementary, linear_algebra, statistics  # noqa: F401 - each adds its rows
