"""Kernels of recurrent networks, rnn.py, gru.py and lstm.py; steps.py has what they share.

Only the product with the weights of the state must wait for the step before. A backward function computes the gates of
all steps again, at once, and keeps of each only its slope; the loop backwards through time is a product per step.
"""
