"""Methods of the Tensor beside those that `tensor.py` shows: each file adds some, `tensor.py` has the whole.

hooks.py        functions that see gradients
in_place.py     methods that end in an underscore
attributes.py   what a tensor is made of; size.py: its sizes
factories.py    tensors made like it: new_zeros, ...
bound.py        functions as methods
python.py       what Python and NumPy ask: numbers, truth, length, text, copies
"""
