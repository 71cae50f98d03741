"""For 05_tokenize.py.

texts.py     the text to learn from, tokenizers in files
report.py    what it prints
pictures.py  its pictures
"""
