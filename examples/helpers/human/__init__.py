"""For 20_ask_a_human.py.

report.py    what it prints
pictures.py  its pictures
"""
