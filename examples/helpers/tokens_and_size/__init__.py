"""For 19_tokens_and_size.py.

tokenizers.py  four ways to cut a sum into tokens
report.py      what it prints
pictures.py    its picture
"""
