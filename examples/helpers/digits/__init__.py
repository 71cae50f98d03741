"""For 02_digits.py, 04_backprop.py and 22_robust.py.

mnist.py     MNIST's files: those in examples/data, or the full set in a folder
neurons.py   what the last hidden layer's neurons do
detail.py    coarser pictures, and a training on them
report.py    what 02_digits.py prints
pictures.py  its pictures
"""
