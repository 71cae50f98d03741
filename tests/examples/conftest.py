"""Runs of the lecture's programs: those that several tests look at happen once."""

import io
import json
import os
import time
import zlib
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple
from unittest.mock import patch

import pytest

from helpers.claims import all_claims, values
from helpers.program import SHOW_MORE
from programs import PAGE, load, output_of_command, reports


class Run(NamedTuple):
    """What a program printed, with --more and without, what its claims need of its numbers, and its folder."""

    text: str
    short: str
    measured: dict[str, Any]
    folder: Path


@pytest.fixture(scope="session")
def run_once(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Run]:
    """run_once("02_digits", "--epochs", "3"): one run for the same options. Its pictures are files without content.

    Who asks second, a worker of xdist too, waits for it.
    """
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own

    def run(name: str, *options: str) -> Run:
        folder = shared / f"{name}-{zlib.crc32(repr(options).encode()):08x}"
        part, done = folder.with_suffix(".part"), folder.with_suffix(".json")
        try:
            folder.mkdir()
        except FileExistsError:
            while not done.exists():
                time.sleep(0.05)
            return Run(*json.loads(done.read_text(encoding="utf-8")), folder)
        result: Any = "it raised", "", {}
        try:
            with patch("helpers.drawing.save_picture", lambda figure, path: path.touch()):
                result = printed(name, *options, "--out", folder)
        finally:
            part.write_text(json.dumps(result), encoding="utf-8")
            part.rename(done)
        return Run(*result, folder)

    return run


def printed(name: str, *options: Any) -> tuple[str, str, dict[str, Any]]:
    """Run a program, and let it report twice, as with --more, and as without and without its pictures."""
    program, claims = load(name), [claim for claim in all_claims() if claim.program.startswith(name)]
    if name == PAGE or hasattr(program, "main") or "--real" in options:
        text, measured = output_of_command(program, "--more", *options)
        return text, text, values(measured or SimpleNamespace(), claims)
    texts, out = [], io.StringIO()

    def report(measured: Any, settings: Any) -> None:
        begun = out.getvalue()
        drawn = {name: lambda *_, **__: None for name in vars(program.show) if name.startswith(("draw", "chart"))}
        for more, left_out in ((True, {}), (False, drawn)):
            SHOW_MORE.set(more)
            with redirect_stdout(io.StringIO()) as now, patch.dict(vars(program.show), left_out):
                reports(program)(measured, settings)
            texts.append(begun + now.getvalue())

    with redirect_stdout(out):
        measured = program.start(program.measure, program.Settings, report, [*map(str, options)])
    return texts[0], texts[1], values(measured, claims)


@pytest.fixture(scope="session", autouse=True)
def everything_shown():
    """What helpers print of themselves is looked at as with --more; a program that is started sets this itself."""
    before = SHOW_MORE.set(True)
    yield
    SHOW_MORE.reset(before)
