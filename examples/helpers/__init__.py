"""What several programs share. What each of them prints and draws is in ../show, in a file of its name.

program.py     how a program starts and ends; settings, tables, runs in a folder, files of the user
claims.py      what the lecture claims, as rules on what the programs measure
drawing.py     how pictures look
mnist.py       the handwritten digits
corpora.py     texts to learn from;  messages.py, cars.py: ham and spam; sentences about cars
training.py    the loop of gradient descent, small networks
inside.py      looking inside a language model, and editing it
real.py        SmolLM2 and MiniLM, for --real

A program imports it first, so that Ctrl-C ends the program in one line from then on, also while it still imports, and
that it finds `examples.site`.
"""

import sys
from pathlib import Path
from types import TracebackType

sys.path.append(str(Path(__file__).parents[2]))
_before = sys.excepthook


def command(file: str) -> str:
    """What one types to run a program, as "02_digits.py" or "python -m examples.site"."""
    path = Path(file)
    return f"python -m examples.{path.parent.name}" if path.name == "__main__.py" else path.name


def _end(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        print(f"\n{command(sys.argv[0])}: aborted", file=sys.stderr)
    else:
        _before(kind, error, trace)


sys.excepthook = _end
