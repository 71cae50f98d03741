"""For 16_order_and_memory.py.

models.py    what its RNN is compared with
report.py    what it prints
pictures.py  its pictures
"""
