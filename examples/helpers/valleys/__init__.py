"""For 21_valleys.py.

report.py    what it prints
pictures.py  its pictures
"""
