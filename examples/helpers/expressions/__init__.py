"""For 18_expressions.py.

problems.py  expressions, their steps and results
report.py    what it prints
pictures.py  its pictures
"""
