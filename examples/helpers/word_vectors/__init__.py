"""For 06_word_vectors.py.

vectors.py   words with their vectors: neighbours, analogies, GloVe's files
report.py    what it prints
pictures.py  its pictures
"""
