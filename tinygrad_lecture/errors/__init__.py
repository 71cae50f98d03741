"""Error messages for users, and PyTorch's names for arguments."""
