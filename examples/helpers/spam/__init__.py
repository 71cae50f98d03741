"""Parts of 11_spam.py."""
