"""Training a language model: initial parameters, windows of a text, masked tokens, the loss."""
