"""The heart of the engine: how a call is recorded and how gradients flow back.

op.py           Op: a forward function with its backward rules, and the call that records
saver.py        what a rule's parameters ask the tape to keep
tape.py         Leaf, Record and backward_pass
contract.py     checks of what a rule returned
operands.py     operands that are not Tensors; dtypes of results
memory.py       which arrays share memory
versions.py     version counters: detect in-place writes to saved arrays
modes.py        thread-local modes: recording, reference kernels, observer
"""
