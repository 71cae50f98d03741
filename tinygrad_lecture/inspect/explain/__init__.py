"""Backpropagation as a worked example.

walkthrough.py   a computation step by step: values, then one pass of backward
formulas.py      what ops and their rules compute (formulas.toml), written with names or with numbers
elements.py      one element worked out
text.py          `tl.explain`: all of it as a text
"""
