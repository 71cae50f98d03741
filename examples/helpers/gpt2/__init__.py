"""For 10_gpt2.py, with helpers/inside.py.

folder.py    reads a folder in Hugging Face's format
report.py    what it prints
"""
