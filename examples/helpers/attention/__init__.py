"""For 07_attention.py.

senses.py    made sentences in which one word has several senses: bank, tower, model
cars.py      made sentences such as the lecture's about the red car, with the question that each head answers
report.py    what it prints
pictures.py  its pictures
"""
