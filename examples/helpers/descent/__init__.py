"""For 03_gradient_descent.py.

report.py    what it prints, and what a descent is
pictures.py  its pictures
"""
