"""What a notebook shows: values as HTML that stands alone, for light and dark; `repr` says the same as plain text.

parts.py      tables, what folds, a caption
heat.py       arrays as tables of tinted numbers, and as pictures
shown.py      a tensor, a graph, a profile, attention
drawing.py    the picture of a graph as SVG
curves.py     lines over steps as SVG
"""
