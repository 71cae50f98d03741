"""`python -m examples.claims`: measure what the lecture claims, each in twenty runs, and write down what came out.

    python -m examples.claims                    # all programs; progress, an estimate; Ctrl-C and again goes on
    python -m examples.claims --programs 07 20   # only these programs
    python -m examples.claims --programs 07 --from-seed 20 --runs 10  # does it hold with other seeds? Written nowhere

Each program is run with the seeds 0 to 19, in processes of their own. What they measure goes to examples/claims.json,
and from there to the table in examples/README.md. What a claim is, helpers/claims.py says.
"""

import io
import json
import os
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

from tinygrad_lecture.files import write_text  # noqa: E402

ONE = "import sys; from examples.claims import record; record(sys.argv[1], int(sys.argv[2]), sys.argv[3])"


def measure(settings: "Settings") -> None:
    """Measure what is not yet measured, command by command, and write it down."""
    chosen = {name.zfill(2) for name in settings.programs}
    own = range(settings.from_seed, settings.from_seed + settings.runs)
    wanted = [c for c in known.all_claims() if c.rule and (not chosen or c.program[:2] in chosen)]
    wanted = [c for c in wanted if own == known.SEEDS or not c.asks_real]  # a real model has no seed
    commands = {c.program: own[:1] for c in wanted} | {c.program: own for c in wanted if not (c.fact or c.asks_real)}
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
            before, claim = claim.result, replace(claim, runs=known.runs_of(claim, runs[claim.program]))
            print(f"{claim.program}  {claim.lecture}\n  before: {before}\n  now:    {claim.result}")
        claims.append(claim)
    if own == known.SEEDS:
        write(claims)
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
    with redirect_stdout(io.StringIO()), tempfile.TemporaryDirectory() as folder:
        if hasattr(program, "Settings"):
            arguments = [*options, "--seed", str(seed), "--out", folder, "--more"]
            measured = start(program.measure, program.Settings, arguments=arguments)
        else:  # the page, which prints what it measures
            measured = known.Measured(**program.measure(seed))
    found = known.values(measured, [claim for claim in known.all_claims() if claim.program == command])
    write_text(path, json.dumps(found))


def write(claims: Sequence[known.Claim]) -> None:
    """Write the record of the runs, and the table of README.md."""
    readme = HERE / "README.md"
    write_text(known.RECORD, known.record_of(claims))
    write_text(readme, with_table(readme.read_text(encoding="utf-8"), claims))


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
    from_seed: int = 0  # of the first run
    runs: int = len(known.SEEDS)  # how often each program is run, each time with the next seed
    jobs: int = os.cpu_count() or 1  # programs at once
    out: Path = Path("out")  # folder for runs


if __name__ == "__main__":
    start(measure, Settings)
