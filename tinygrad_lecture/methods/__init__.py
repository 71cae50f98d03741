"""Methods of the Tensor that PyTorch has and a first reader does not need.

hooks.py        functions that see gradients
in_place.py     methods that end in an underscore
more.py         questions about a tensor, and tensors made like it
"""
