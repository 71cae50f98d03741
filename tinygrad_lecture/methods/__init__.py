"""Methods of the Tensor beside those that `tensor.py` shows.

python.py     what Python and NumPy ask: operators, numbers, truth, length, text, copies
pytorch.py    PyTorch's other methods: what a tensor is made of, hooks, tensors made like it, less common functions
"""
