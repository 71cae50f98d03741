"""Where a training step goes: time, calls and bytes of each op, by the module that calls it.

watch.py      `tl.profile`: measures the ops and the backward rules of a block
measured.py   what else is measured: an optimiser's step
report.py     what was measured, as a table, a tree and a page
"""
