"""The training loop, evaluation, and the folder that a run saves to and resumes from."""
