"""Parts of 07_attention.py."""
