"""Parts of 02_digits.py."""
