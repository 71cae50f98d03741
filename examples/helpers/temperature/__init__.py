"""For 13_temperature.py.

report.py    what it prints, beside the lecture's numbers
pictures.py  its pictures
"""
