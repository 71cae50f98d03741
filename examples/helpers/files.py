"""Files of the user's own: their bytes, and their text."""

from pathlib import Path

from helpers.program import DataError

MOST = 50_000_000  # largest file that is read, in bytes


def as_text(data: bytes, source: object) -> str:
    """Return a file's bytes as text. Raises DataError, which names the source, if it is not UTF-8."""
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise DataError(f"{source} is not UTF-8 text: byte {error.start} is {data[error.start]:#04x}") from None


def read(path: Path) -> bytes:
    """Return a file's bytes. Raises DataError if it cannot be read or is larger than MOST."""
    try:
        size = path.stat().st_size
        if size > MOST:
            raise DataError(f"{path} has {size:,} bytes, more than the limit of {MOST:,}")
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from error
