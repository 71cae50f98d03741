"""Extremes and medians with their indices, counts and sets, quantiles, covariance, and sums that leave nan out."""
