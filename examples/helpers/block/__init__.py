"""For 14_inside_a_block.py.

report.py    what it prints
pictures.py  its pictures
"""
