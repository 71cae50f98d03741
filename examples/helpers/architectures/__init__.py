"""Parts of 09_architectures.py."""
