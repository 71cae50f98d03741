"""For 04_backprop.py.

report.py    what it prints, read from the graph that has watched forward and backward
price.py     the seconds of forward and backward, and gradients by trying
pictures.py  its pictures
"""
