"""For 16_order_and_memory.py.

models.py    convolutions, and what the task needs
report.py    what it prints
pictures.py  its pictures
"""
