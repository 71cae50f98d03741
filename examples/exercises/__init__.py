"""The gradient-check exercises: from a neuron to your own GPT. Start with `python -m examples.exercises`."""
