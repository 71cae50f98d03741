"""Backpropagation as a worked example.

walkthrough.py   a computation step by step: values, then one pass of backward
expression.py    arithmetic that knows how it is written
formulas.py      what ops and their rules compute: read off their code, or told in formulas.toml; and what a step was
                 made of
elements.py      one element worked out
text.py          `tl.explain`: all of it as a text
"""
