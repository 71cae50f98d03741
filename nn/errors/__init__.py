"""Checks of inputs, and where in a model an error arose."""
