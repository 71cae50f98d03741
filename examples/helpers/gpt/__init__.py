"""Parts of 08_gpt.py."""
