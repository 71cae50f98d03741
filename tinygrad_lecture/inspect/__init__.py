"""Looking inside a computation.

graph.py      `tl.Graph`: the values and gradients of a computation
vertex.py     what it consists of: values, steps of backward
observe.py    how one watches ops and backward rules; `tl.detect_anomaly`: the op that made the first nan or inf
program.py    what a graph reads from the program: modules, lines, names
drawing.py    a graph as a picture
layout.py     where its boxes go
explain/      `tl.explain`: backpropagation as a worked example
page/         `tl.page`: the same on a page, to step through
profile.py    `tl.profile`: where the time goes
printing.py   a tensor as text; numbers and arrays as short texts
notebook.py   what a notebook shows
"""
