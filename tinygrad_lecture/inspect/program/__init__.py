"""What a graph reads from the program that runs: where an op is called, as what, and what the values are called.

scopes.py      the line and the modules that call an op, names of parameters
calls.py       functions composed of ops: max(x, axis=1) is one op, and is shown as it was written
variables.py   the names of the caller's tensors
"""
