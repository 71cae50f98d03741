"""Generation: the key/value cache, sampling from logits, and the loop over both."""
