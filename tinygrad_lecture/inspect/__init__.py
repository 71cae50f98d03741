"""Looking inside a computation: its graph, the op that made the first nan or inf, pictures, and a tensor as text."""
