"""`python -m examples.site`: the pages one plays with, as files in out/site/.

    python -m examples.site                  # all of them; some minutes, as two networks are trained
    python -m examples.site --only play      # only this one, and index.html, which links to all that are there
    python -m examples.site --only course --offline --open  # serve it, and open it in the browser

To put them on a static host, copy the folder there. Those that run Python need a server; the others open from a disk.
"""

import os
import sys
import webbrowser
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Literal

HERE = Path(__file__).parent
PORT = 8000  # always the same, as of `python -m http.server`: a browser keeps what one writes for each address
sys.path.insert(0, str(HERE.parent))
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from helpers.program import start  # noqa: E402

from examples.site.pages import PAGES, WRITERS, index_page  # noqa: E402


@dataclass
class Settings:
    """What can be set on the command line."""

    only: tuple[Literal["index", *PAGES], ...] = ()  # these pages; all if none is given
    out: Path = Path("out", "site")  # folder for the pages
    epochs: int = 30  # of the network that reads digits
    steps: int = 1000  # of the GPT's training
    offline: bool = False  # copy Python and the editor, too; else pages load them from their public addresses
    open: bool = False  # serve the folder on this machine and open it in the browser, until Ctrl-C


def build(settings: Settings) -> None:
    """Write the pages, one after the other, and last the first page, which links to those that are there."""
    wanted = [name for name in PAGES if not settings.only or name in settings.only]
    try:
        for number, name in enumerate(wanted, 1):
            print(f"{number} of {len(wanted)}, {name}: {', '.join(PAGES[name])}", flush=True)
            WRITERS[name](settings.out, settings)
    finally:  # after Ctrl-C or an error too
        index_page(settings.out / "index.html")
    print(f"{settings.out / 'index.html'}: open it in a browser.")
    if settings.open:
        serve(settings.out, next(iter(PAGES[wanted[0]])) if len(wanted) == 1 else "index.html")


def serve(folder: Path, first: str) -> None:
    """Serve a folder on this machine alone, and open a page of it, until Ctrl-C. Raises OSError for a port in use."""
    try:
        server = ThreadingHTTPServer(("127.0.0.1", PORT), partial(SimpleHTTPRequestHandler, directory=folder))
    except OSError as error:
        raise OSError(f"port {PORT} is in use: end what uses it; or python -m http.server 8001 -d {folder}") from error
    with server:
        address = f"http://localhost:{PORT}/{first}"
        print(f"{address}: Ctrl-C ends it.", flush=True)
        webbrowser.open(address)
        server.serve_forever()


if __name__ == "__main__":
    start(build, Settings)
