"""For 01_neuron.py.

report.py    what it prints
pictures.py  its pictures
"""
