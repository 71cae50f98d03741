"""Error messages for users, and PyTorch's names for arguments.

messages.py         which op, which shapes, what to do
argument_names.py   `dim` and `keepdim` mean `axis` and `keepdims`
"""
