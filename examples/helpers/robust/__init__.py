"""For 22_robust.py.

spoil.py     ways to spoil pictures
rules.py     if-then rules for the digit 3
report.py    what it prints
pictures.py  its pictures
"""
