"""Parts of 12_arithmetic.py."""
