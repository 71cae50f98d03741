"""Looking inside: the graph of a computation, the first nan or inf, pictures."""
