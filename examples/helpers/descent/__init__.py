"""For 03_gradient_descent.py.

report.py    what it prints, and what a descent is
batches.py   the digit network, trained with mini-batches of several sizes
search.py    gradient descent and random search in 13,002 dimensions
pictures.py  its pictures
"""
