"""For 04_backprop.py.

report.py    what it prints, read from the graph that has watched forward and backward
pictures.py  its pictures
"""
