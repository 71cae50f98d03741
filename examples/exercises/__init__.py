"""The gradient-check exercises: from a neuron to one's own GPT. Start with `python -m examples.exercises`."""
