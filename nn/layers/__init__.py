"""More layers than the lecture's own, which stand in nn itself.

embedding.py                      rows of a table, and how alike they are
convolution.py  pooling.py        sequences and images: filters; pooling, padding, other sizes, Flatten
normalization.py                  LayerNorm, RMSNorm, BatchNorm and others
recurrent.py                      RNN, GRU, LSTM, and cells
attention.py  transformer.py      MultiheadAttention; Transformer, its blocks and stacks
lazy.py                           Linear, convolutions, BatchNorm that take their size from the first input
"""
