"""Checks, hints and solutions, one file a chapter. Reading them spoils the exercises."""
