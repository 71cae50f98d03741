"""For 09_architectures.py.

sentences.py  made sentences as tokens, for the decoder and the encoder
probes.py     what the trained models are asked
dates.py      dates and their ISO format, for the encoder-decoder
report.py     what it prints
pictures.py   its pictures
"""
