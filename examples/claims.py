"""`python -m examples.claims`: measure what the lecture claims, each in ten runs, and write down what came out.

    python -m examples.claims                    # all programs; progress, an estimate; Ctrl-C and again goes on
    python -m examples.claims --programs 07 20   # only these programs

Each program is run with the seeds 0 to 9, in processes of their own. What they measure goes to examples/claims.json,
and from there to the table in examples/README.md. What a claim is, helpers/claims.py says.
"""

import io
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from importlib import import_module
from itertools import groupby
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from helpers import claims as known  # noqa: E402
from helpers.program import DataError, start  # noqa: E402

from tinygrad_lecture.inspect.page import written  # noqa: E402

ONE = "import sys; from examples.claims import record; record(sys.argv[1], int(sys.argv[2]), sys.argv[3])"


def measure(settings: "Settings") -> None:
    """Measure what is not yet measured, command by command, and write it down."""
    chosen = {name.zfill(2) for name in settings.programs}
    wanted = [c for c in known.all_claims() if c.rule and (not chosen or c.program[:2] in chosen)]
    drawn = {c.program for c in wanted if not (c.fact or c.asks_real)}
    commands = {c.program: known.SEEDS if c.program in drawn else known.SEEDS[:1] for c in wanted}
    sources = [path for kind in ("*.py", "*.toml") for path in sorted(HERE.rglob(kind)) if path != known.TABLE]
    version = zlib.crc32(b"".join(path.read_bytes() for path in sources))
    folder = settings.out / f"claims-{version:08x}"  # runs of another version are not gone on with
    folder.mkdir(parents=True, exist_ok=True)
    files = {(command, seed): folder / f"{zlib.crc32(command.encode()):08x}-{seed}.json"
             for command, seeds in commands.items() for seed in seeds}  # fmt: skip
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("Ended."))  # as Ctrl-C: its processes end with it
    run_all({key: path for key, path in files.items() if not path.exists()}, len(files), settings.jobs)
    runs = {command: [json.loads(files[command, seed].read_text("utf-8")) for seed in seeds]
            for command, seeds in commands.items()}  # fmt: skip
    claims = []
    for claim in known.all_claims():
        if claim.rule and claim.program in runs:
            claim = replace(claim, runs=known.runs_of(claim, [run["values"] for run in runs[claim.program]]))
        claims.append(claim)
    write(claims, {command: paragraphs(command, some[0]["text"]) for command, some in runs.items()})
    print(f"Written: {known.RECORD} and the table of {HERE / 'README.md'}")


def run_all(files: dict[tuple[str, int], Path], of: int, jobs: int) -> None:
    """Run the commands, each in a process of its own, so many at once. Ctrl-C ends them; what is finished is kept."""
    from rich.progress import Progress

    running: list[subprocess.Popen[str]] = []

    def run(command: str, seed: int, path: Path) -> str:
        arguments = [sys.executable, "-c", ONE, command, str(seed), str(path)]
        process = subprocess.Popen(arguments, cwd=HERE.parent, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                   text=True, encoding="utf-8", start_new_session=True)  # fmt: skip
        running.append(process)
        said, _ = process.communicate()
        if process.returncode:
            raise DataError(f"{command} --seed {seed} ended with {process.returncode}:\n{said}")
        return command

    with Progress() as progress, ThreadPoolExecutor(jobs) as pool:
        task = progress.add_task("runs", total=of, completed=of - len(files))
        try:
            waiting: list[Future[str]] = [pool.submit(run, *key, path) for key, path in files.items()]
            for each in as_completed(waiting):
                progress.update(task, advance=1, description=each.result())
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                print("Ended. What is finished is kept: the same command again goes on.")
            pool.shutdown(wait=False, cancel_futures=True)
            for process in running:
                process.kill()
            raise


def record(command: str, seed: int, path: str) -> None:
    """Run a command with a seed, and write what it measured, and printed, to a file."""
    name, *options = shlex.split(command)
    program = import_module(name.removesuffix(".py"))
    printed = io.StringIO()
    with redirect_stdout(printed), tempfile.TemporaryDirectory() as folder:
        if hasattr(program, "Settings"):
            arguments = [*options, "--seed", str(seed), "--out", folder, "--more"]
            first = seed == known.SEEDS[0]  # only its text is kept
            measured = start(program.measure, program.Settings, program.show.report if first else None, arguments)
        else:  # the page, which prints what it measures
            measured = known.Measured(**program.measure(seed))
    found = known.values(measured, [claim for claim in known.all_claims() if claim.program == command])
    written(path, json.dumps({"values": found, "text": printed.getvalue()}))


def paragraphs(command: str, text: str) -> list[str]:
    """The paragraphs of what a program printed that have words of its rows."""
    pieces = [piece for claim in known.all_claims() if claim.program == command for piece in claim.quoted]
    found = re.sub(r"^Picture .*\n", "", text, flags=re.MULTILINE).split("\n\n")
    return [paragraph for paragraph in found if any(piece in known.one_line(paragraph) for piece in pieces)]


def write(claims: Sequence[known.Claim], printed: dict[str, Sequence[str]]) -> None:
    """Write the record of the runs, and the table of README.md. printed: by programs that were measured now."""
    readme = HERE / "README.md"
    record = known.record_of(claims, known.recorded()["printed"] | printed)
    table = with_table(readme.read_text(encoding="utf-8"), claims)
    written(known.RECORD, record)
    written(readme, table)


def with_table(readme: str, claims: Sequence[known.Claim]) -> str:
    """The text of README.md, its table made anew."""
    begin, end = "<!-- begin of the claims -->\n", "<!-- end of the claims -->\n"
    before, _, rest = readme.partition(begin)
    rows = []
    for section, here in groupby(claims, lambda claim: claim.section):
        rows += [f"\n### {section}\n", "| in the lecture | program | what one sees | holds in |", "|---|---|---|---|"]
        rows += [f"| {c.lecture} | {f'`{c.program}`' if c.program else 'none'} | {c.seen} | {c.result} |" for c in here]
    return before + begin + "\n".join(rows) + "\n\n" + end + rest.partition(end)[2]


@dataclass
class Settings:
    """What can be set on the command line."""

    programs: tuple[str, ...] = ()  # numbers of programs, as 07; all if none is named
    jobs: int = os.cpu_count() or 1  # programs at once
    out: Path = Path("out")  # folder for runs


if __name__ == "__main__":
    start(measure, Settings)
