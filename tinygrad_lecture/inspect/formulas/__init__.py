"""Formulas: numbers and arrays as text, and the derivatives of ops in mathematics."""
