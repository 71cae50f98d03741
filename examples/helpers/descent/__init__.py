"""For 03_gradient_descent.py.

report.py    what it prints, and what a descent is
search.py    gradient descent and random search in 13,002 dimensions
pictures.py  its pictures
"""
