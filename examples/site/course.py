"""The course as a page: what it runs on, the project as an archive, and the page itself."""

import hashlib
import io
import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from examples.exercises import tab
from examples.site.pinned import pinned
from tinygrad_lecture.files import atomic_write

ROOT = Path(__file__).parent.parent.parent
PACKED = ("tinygrad_lecture", "nn", "transformer", "examples/exercises", "examples/data")  # what the course imports
ELSEWHERE = "https://cdn.jsdelivr.net https://files.pythonhosted.org"
ALLOWED = {
    offline: f"script-src 'self' 'unsafe-inline' 'wasm-unsafe-eval' {there}; connect-src 'self' {there}; worker-src 'self'"
    for offline, there in ((True, ""), (False, ELSEWHERE))
}
PYTHON = "python3.12"  # that of Pyodide 0.27; what it compiles is not compiled again in each tab


def prepared(out: Path, offline: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the page is told, and its import map; beside it the files that it loads.

    offline: all that is not ours is copied, too.
    """
    archive = packed()
    name = f"course-{hashlib.sha256(archive).hexdigest()[:12]}.zip"  # another version has another name
    for old in out.glob("course-*.zip"):
        old.unlink()
    for path, content in (
        (out / name, archive),
        (out / "course_worker.js", (Path(__file__).with_name("course_worker.js")).read_bytes()),
    ):
        with atomic_write(path) as temporary:
            temporary.write_bytes(content)
    if offline:
        for file in pinned():
            file.copy(out)
    places = {file: f"./{file.local}" if offline else file.address for file in pinned()}
    modules = {file.package: place for file, place in places.items() if file.package not in ("", "pyodide")}
    parts = {file: places[file] for file in pinned() if file.package in ("", "pyodide")}
    loaded = sum(file.size for file in parts) + len(archive)
    addresses = {
        "python": next(p for p in parts.values() if p.endswith("pyodide.mjs")).removesuffix("pyodide.mjs"),
        "wheels": [p for p in parts.values() if p.endswith(".whl")],
        "course": f"./{name}",
        "bytes": loaded,
    }
    return json.loads(tab.course()) | {"addresses": addresses}, {"imports": modules}


def packed() -> bytes:
    """The project as a zip, with what Python 3.12 makes of it, where that is found."""
    memory = io.BytesIO()
    with TemporaryDirectory() as folder, zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as archive:
        for part in PACKED:
            shutil.copytree(ROOT / part, Path(folder, part), ignore=shutil.ignore_patterns("__pycache__"))
        compiler = sys.executable if sys.version_info[:2] == (3, 12) else shutil.which(PYTHON)
        if compiler is None:
            print(f"  {PYTHON} is not here, so each first visit compiles the course, for some seconds")
        else:
            options = ["-q", "--invalidation-mode", "unchecked-hash", "-s", folder, folder]
            subprocess.run([compiler, "-m", "compileall", *options], check=False)
        for path in sorted(Path(folder).rglob("*")):
            if path.is_file():
                archive.writestr(
                    zipfile.ZipInfo(path.relative_to(folder).as_posix()), path.read_bytes(), zipfile.ZIP_DEFLATED
                )
    return memory.getvalue()


def course_page(out: Path, settings: Any) -> None:
    """The page, and beside it what it loads."""
    from examples.site.pages import HERE, HOME, filled
    from tinygrad_lecture.inspect.page import written

    out.mkdir(parents=True, exist_ok=True)
    data, modules = prepared(out, settings.offline)
    style = (HERE / "course.css").read_text(encoding="utf-8")
    parts = {"home": HOME, "modules": json.dumps(modules), "style": style}
    written(out / "course.html", filled("63 exercises", "course", data, ALLOWED[settings.offline], **parts))
