"""One element of a large array worked out with its numbers: "z[0, 1] = 0.5 · 2 + (-1) · 0.3 + ... 2 more = 0.7".

lines.py     the line for a result, and for what backward hands to an input
sums.py      sums of products, means, copies that broadcasting made, elements that were picked
products.py  products of matrices
rows.py      softmax, losses, normalisation, attention
"""
