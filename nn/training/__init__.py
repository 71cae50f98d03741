"""The training loop, evaluation, and what a run writes to its folder."""
