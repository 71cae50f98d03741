"""The heart of the engine: how a call is recorded and how gradients flow back.

core.py           the chain rule: Leaf, Record, and the walk that sums gradients
op.py             Op: the call that computes and records; the decorator `op`
backward.py       a backward pass: the walk with all that a user may ask of it

op_definition.py  what an op is declared to be, and what its rules ask a record to keep
operands.py       from arguments to inputs, settings and arrays; dtypes of results
graph.py          parts of a graph: what `tl.grad` visits, records of several outputs
hooks.py          where a gradient arrives: `.grad`, and functions of the user's
rule_checks.py    checks of what a rule saved and returned
memory.py         version counters, which detect in-place writes to saved arrays; tensors that share memory
modes.py          thread-local modes: recording, reference kernels, observer
"""
