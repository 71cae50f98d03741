"""Models in other libraries' files."""
