"""The contestants, one file each, imported only in a process of their own.

A function per kind of workload (`mlp`, `gpt`, `chain`, `generation`) returns (step, norm): `step()` does the timed work
and returns a number that all contestants must agree on (a loss, a gradient, a sum of tokens); `norm()`, called once
before the first step, returns the norm of the first gradient, or is None.
"""
