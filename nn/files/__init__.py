"""Weights and JSON in files."""
