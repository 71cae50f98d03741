"""What training a language model needs: its loss, windows of a text, initial weights."""
