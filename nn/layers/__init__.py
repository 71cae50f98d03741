"""More layers than the lecture's own, which stand in nn itself.

embedding.py       rows of a table
images.py          sequences and images: filters; pooling, padding, other sizes, Flatten
normalization.py   LayerNorm, RMSNorm, BatchNorm and others
recurrent.py       RNN, GRU, LSTM, and cells
transformer.py     MultiheadAttention; Transformer, its blocks and stacks
"""
