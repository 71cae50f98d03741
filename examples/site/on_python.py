"""Pages that run Python: what they load, and the project as an archive."""

import base64
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from examples.site.pinned import pinned
from tinygrad_lecture.files import atomic_write

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
IN_EXAMPLES = "exercises/**/*.*", "tab/*.py", "data/*", "helpers/*.py", "show/__init__.py", "show/names.py", "[0-9]*.py"
PACKED = "tinygrad_lecture/**/*.*", "nn/**/*.*", "transformer/**/*.*", *(f"examples/{files}" for files in IN_EXAMPLES)
UNUSED = {".md", ".pyc", "torch"}
ALLOWED = "script-src 'self' 'unsafe-inline' 'wasm-unsafe-eval' blob: {0}; connect-src 'self' {0}; worker-src 'self'"
ELSEWHERE = "https://cdn.jsdelivr.net https://files.pythonhosted.org"
COMPILED = "-x", "examples.[0-9]", "--invalidation-mode", "unchecked-hash"  # without the programs: they are read
PYTHON = "python3.12"  # that of Pyodide 0.27; what it compiles is not compiled again in each tab
LOADED = "python.json"  # of the first page, whichever pages were written with it


class Loaded(NamedTuple):
    """What a page that runs Python is given.

    addresses: of Python's parts, with the hash of each and the bytes of all.  modules: the editor's import map.
    allowed: what the page may ask for beside itself (Content-Security-Policy).
    """

    addresses: dict[str, Any]
    modules: str
    allowed: str


@cache
def on_python(out: Path, offline: bool) -> Loaded:
    """Write what pages that run Python load beside them. offline: also all that is not ours, instead of its address."""
    archive = packed()
    course = f"course-{hashlib.sha256(archive).hexdigest()[:12]}.zip"  # another version has another name
    if offline:
        for file in pinned():
            file.copy(out)
    places = {file: f"./{file.local}" if offline else file.address for file in pinned()}
    hashes = {places[file]: integrity(bytes.fromhex(file.sha256)) for file in pinned()}
    hashes[f"./{course}"] = integrity(hashlib.sha256(archive).digest())
    editor = {file.package: place for file, place in places.items() if file.package not in ("", "pyodide")}
    python = {file: place for file, place in places.items() if file.package in ("", "pyodide")}
    addresses = {
        "python": next(place for place in python.values() if place.endswith("pyodide.mjs")).removesuffix("pyodide.mjs"),
        "wheels": [place for place in python.values() if place.endswith(".whl")],
        "course": f"./{course}",
        "hashes": {place: hashes[place] for place in hashes if place not in editor.values()},
        "bytes": sum(file.size for file in python) + len(archive),
    }
    modules = {"imports": editor, "integrity": {place: hashes[place] for place in editor.values()}}
    loaded = Loaded(addresses, json.dumps(modules), ALLOWED.format("" if offline else ELSEWHERE))
    ours = {name: (HERE / name).read_bytes() for name in ("python_worker.js", "offline.js")}
    for name, content in {**ours, course: archive, LOADED: json.dumps(loaded).encode()}.items():
        out.mkdir(parents=True, exist_ok=True)
        with atomic_write(out / name) as temporary:
            temporary.write_bytes(content)
    return loaded


def loaded_in(out: Path) -> Loaded | None:
    """What pages there load since `on_python` wrote it last; None if it never did."""
    return Loaded(*json.loads((out / LOADED).read_text(encoding="utf-8"))) if (out / LOADED).exists() else None


def integrity(digest: bytes) -> str:
    """A SHA-256 as browsers have it."""
    return f"sha256-{base64.b64encode(digest).decode()}"


def packed() -> bytes:
    """The project as a zip, with what Python 3.12 makes of it, where that is found."""
    memory = io.BytesIO()
    with TemporaryDirectory() as folder, zipfile.ZipFile(memory, "w") as archive:
        for path in (path for pattern in PACKED for path in ROOT.glob(pattern)):
            if path.is_file() and not UNUSED & {path.suffix, *path.parts}:
                to = Path(folder, path.relative_to(ROOT))
                to.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, to)
        python = sys.executable if sys.version_info[:2] == (3, 12) else shutil.which(PYTHON) or PYTHON
        compiling = [python, "-m", "compileall", "-q", *COMPILED, "-s", folder, folder]
        try:
            subprocess.run(compiling, check=True, capture_output=True, env=os.environ | {"PYENV_VERSION": "3.12"})
        except (OSError, subprocess.CalledProcessError):
            print(f"  {PYTHON} is not here, so a first visit takes some seconds more: each tab compiles the course")
        for path in sorted(Path(folder).rglob("*")):
            if path.is_file():
                file = zipfile.ZipInfo(path.relative_to(folder).as_posix())  # without times: the same bytes each time
                archive.writestr(file, path.read_bytes(), zipfile.ZIP_DEFLATED, 9)
    return memory.getvalue()
