"""The heart of the engine: how a call is recorded and how gradients flow back.

tape.py           Leaf, Record and backward_pass
accumulation.py   from the backward pass into `.grad`
hooks.py          functions of the user that see gradients on their way
op.py             Op: a forward function with its backward rules, and the call that records
saver.py          what a rule's parameters ask the tape to keep
signature.py      an op's inputs and settings, and those of a call
operands.py       operands that are not Tensors; dtypes of results
seeds.py          the upstream gradient that a backward pass starts with
path.py           the part of the graph that `tl.grad` visits
contract.py       checks of what a rule saved and returned
memory.py         gradients that share memory
views.py          tensors that share memory
versions.py       version counters: detect in-place writes to saved arrays
modes.py          thread-local modes: recording, reference kernels, observer
"""
