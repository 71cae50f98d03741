"""For 09_architectures.py.

sentences.py  made sentences as tokens, for the decoder and the encoder
dates.py      dates and their ISO format, for the encoder-decoder
report.py     what it prints
pictures.py   its pictures
"""
