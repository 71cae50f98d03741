"""Public data files: downloaded once, verified by SHA-256, kept in the user's cache."""

from __future__ import annotations

import hashlib
import os
import sys
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

from helpers.program import DataError
from tinygrad_lecture.files import atomic_write

MOST = 50_000_000  # largest file that is read, in bytes


@dataclass(frozen=True)
class PublicFile:
    """A file that can be downloaded.

    what: its name in messages.  url: where it is.  name: its name in the cache.  sha256: of the file.  size: in words.
    by_hand: the end of "Fetch ... by other means and ...".  unpack: takes the downloaded bytes and their source (for
    errors), and returns the file's bytes.
    """

    what: str
    url: str
    name: str
    sha256: str
    size: str
    by_hand: str
    unpack: Callable[[bytes, str], bytes] = lambda data, source: data

    def read(self) -> bytes:
        """Return the file's bytes, verified. Raises DataError, with the remedy, if the file cannot be downloaded."""
        cached = cache_folder() / self.name
        if cached.is_file():
            data = read(cached)
            if hashlib.sha256(data).hexdigest() == self.sha256:
                return data
        data = self._download()
        try:
            cached.parent.mkdir(parents=True, exist_ok=True)
            with atomic_write(cached) as beside:
                beside.write_bytes(data)
        except OSError as error:  # a full or read-only disk: download again next time
            print(f"{self.what} could not be kept in {cached.parent}: {error.strerror or error}", file=sys.stderr)
        return data

    def _download(self) -> bytes:
        by_hand = f"Fetch {self.url} by other means and {self.by_hand}"
        print(f"Downloading {self.what} ({self.size}) from {self.url}", flush=True)
        try:
            with urllib.request.urlopen(self.url, timeout=20) as answer:
                came: bytes = answer.read(MOST)
        except (OSError, HTTPException) as error:  # URLError and timeouts are OSErrors
            reason = getattr(error, "reason", None) or error
            raise DataError(f"{self.what} cannot be downloaded: {reason}. {by_hand}") from error
        data = self.unpack(came, self.url)
        found = hashlib.sha256(data).hexdigest()
        if found != self.sha256:
            why = f"its SHA-256 is {found}, not {self.sha256}"
            raise DataError(f"the download from {self.url} is not {self.what}: {why}. {by_hand}")
        return data


def cache_folder() -> Path:
    """Return this project's folder in the user's cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tinygrad_lecture"


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
