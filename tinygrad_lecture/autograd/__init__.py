"""The heart of the engine: how a call is recorded and how gradients flow back.

core.py           the chain rule: Leaf, Record, and the walk that sums gradients
op.py             Op: the call that computes and records; the decorator `op`
backward.py       a backward pass: the walk with all that a user may ask of it

op_definition.py    what an op is declared to be: inputs, settings, backward rules
saver.py          what a rule's parameters ask a record to keep
operands.py       from arguments to inputs, settings and arrays; dtypes of results
several_outputs.py        records of several outputs
subgraph.py         the part of the graph that `tl.grad` visits; gradients with memory of their own
hooks.py          where a gradient arrives: `.grad`, and functions of the user's
rule_checks.py       checks of what a rule saved and returned
views.py          tensors that share memory
versions.py       version counters: detect in-place writes to saved arrays
modes.py          thread-local modes: recording, reference kernels, observer
"""
