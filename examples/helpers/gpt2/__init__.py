"""For 10_gpt2.py.

folder.py    reads a folder in Hugging Face's format
report.py    what it prints
pictures.py  its pictures
"""
