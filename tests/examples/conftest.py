"""Runs of the lecture's programs: those that several tests look at happen once."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from helpers.program import SHOW_MORE
from programs import load, output_of_command


@pytest.fixture(scope="session")
def run_once(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., tuple[str, Path]]:
    """run_once("02_digits", "--epochs", "3"): the program's output and its folder, of one run for the same options.

    All its output, with --more, unless an option says --no-more.
    """

    @cache
    def run(name: str, *options: str) -> tuple[str, Path]:
        folder = tmp_path_factory.mktemp(name)
        more = () if "--no-more" in options else ("--more",)
        return output_of_command(load(name), *options, *more, "--out", folder), folder

    return run


@pytest.fixture(scope="session", autouse=True)
def everything_shown():
    """What helpers print of themselves is looked at as with --more; a program that is started sets this itself."""
    before = SHOW_MORE.set(True)
    yield
    SHOW_MORE.reset(before)
