"""Looking inside a computation.

graph.py      `tl.Graph`: the values and gradients of a computation, with the program's names and lines
vertex.py     what it consists of: values, steps of backward
observe.py    how one watches ops and backward rules; `tl.detect_anomaly`: the op that made the first nan or inf
drawing.py    a graph as a picture
layout.py     where its boxes go
explain/      `tl.explain`: backpropagation as a worked example
page/         `tl.page`: the same on a page, to step through
profile.py    `tl.profile`: where the time goes
printing.py   a tensor as text; numbers and arrays as short texts
notebook.py   what a notebook shows
"""
