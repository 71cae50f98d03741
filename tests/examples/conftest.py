"""Runs of the lecture's programs: those that several tests look at happen once."""

import json
import os
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from helpers.claims import all_claims, values
from helpers.program import SHOW_MORE
from programs import load, output_of_command


@pytest.fixture(scope="session")
def run_once(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., tuple[str, Path]]:
    """run_once("02_digits", "--epochs", "3"): the program's output and its folder, of one run for the same options.

    All its output, with --more, unless an option says --no-more. Who asks second, a worker of xdist too, waits for it.
    """
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own

    def run(name: str, *options: str) -> tuple[str, Path]:
        folder = shared / f"{name}-{zlib.crc32(repr(options).encode()):08x}"
        part, printed = folder.with_suffix(".part"), folder.with_suffix(".txt")
        try:
            folder.mkdir()
        except FileExistsError:
            while not printed.exists():
                time.sleep(0.05)
            return printed.read_text(encoding="utf-8"), folder
        text, measured = "it raised", None
        try:
            more = () if "--no-more" in options else ("--more",)
            text, measured = output_of_command(load(name), *options, *more, "--out", folder)
        finally:
            found = values(measured, [c for c in all_claims() if c.program.startswith(name)]) if measured else {}
            folder.with_suffix(".json").write_text(json.dumps(found), encoding="utf-8")
            part.write_text(text, encoding="utf-8")
            part.rename(printed)
        return text, folder

    return run


@pytest.fixture(scope="session")
def measured_once(run_once: Callable[..., tuple[str, Path]]) -> Callable[..., dict[str, Any]]:
    """measured_once("02_digits", "--epochs", "3"): the numbers that the program's claims need, of that same run."""

    def numbers(name: str, *options: str) -> dict[str, Any]:
        _, folder = run_once(name, *options)
        found: dict[str, Any] = json.loads(folder.with_suffix(".json").read_text(encoding="utf-8"))
        return found

    return numbers


@pytest.fixture(scope="session", autouse=True)
def everything_shown():
    """What helpers print of themselves is looked at as with --more; a program that is started sets this itself."""
    before = SHOW_MORE.set(True)
    yield
    SHOW_MORE.reset(before)
