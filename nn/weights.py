"""Weights in files: see `tinygrad_lecture/weights.py`."""

from tinygrad_lecture.weights import (
    Archive as Archive,
    load_file as load_file,
    load_metadata as load_metadata,
    require as require,
    save_file as save_file,
    to_bytes as to_bytes,
)
