"""For 15_next_word.py.

corpus.py    the text that it makes and learns from
report.py    what it prints
pictures.py  its pictures
"""
