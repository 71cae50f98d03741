"""Backpropagation as a teacher writes it on a board: rules in mathematics, numbers put in, sums that grow."""
