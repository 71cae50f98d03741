"""Formulas: numbers and arrays as text, whether a line of them is true, and the derivatives of ops in mathematics."""
