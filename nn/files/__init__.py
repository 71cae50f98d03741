"""Files: weights as safetensors, JSON, text."""
