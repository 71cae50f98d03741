"""For 16_order_and_memory.py.

report.py    what it prints
pictures.py  its pictures
"""
