"""For 08_gpt.py.

text.py      texts to learn from, as tokens, a part held out for testing
writer.py    a GPT with its tokenizer, in a folder
report.py    what it prints
pictures.py  the curves; attention and the logit lens are in helpers/inside.py
"""
