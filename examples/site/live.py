"""`python examples/23_chat.py --page`: type a text, and SmolLM2 reads it, on this computer alone.

The page asks as gpt_worker.js says. Questions are answered one at a time, since edits are the model's, and a page is
told how many stand before its own. One that nobody waits for any more ends at the next block.

The server listens on 127.0.0.1 only. Whoever does not know the token in its link is refused; then a cookie has it, and
it leaves the address. A page of another origin is refused, and one whose own name was made to point here (DNS
rebinding): it calls the server by that name.
"""

from helpers.inside import without
from helpers.real import likeliest

import asyncio
import json
import secrets
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np

try:
    import uvicorn
    from starlette.applications import Starlette
    from starlette.requests import ClientDisconnect, Request
    from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
    from starlette.routing import Route
except ImportError as error:
    raise ImportError(f'{error}; python -m pip install ".[live]" brings what --page needs') from None

import tinygrad_lecture as tl
from examples.site.pages import TEXTS, filled
from tinygrad_lecture.inspect.page import FILE
from transformer import probabilities

TOKENS = 64  # that it reads, at most
LIKELIEST = 100  # next tokens that the page is told
BLOCK = 24  # that the page opens with: in SmolLM2 it has heads that go back to Eiffel and John


def answer(
    model: Any, text: str, off: list[str], at: int | None = None, block: int | None = None,
    left: threading.Event | None = None,
) -> dict[str, Any]:  # fmt: skip
    """What the page is told: see gpt_worker.js. Weights of attention are in ten-thousandths, as that is shorter.

    left: set when whoever asked has left. Raises ConnectionAbortedError then, ValueError for arguments of other types,
    and for a head or a block that is not there.
    """

    def awaited(x: tl.Tensor) -> tl.Tensor:
        if left is not None and left.is_set():
            raise ConnectionAbortedError
        return x

    layers, count = model.config.layers, model.config.heads
    if not (isinstance(text, str) and isinstance(off, list) and {type(at), type(block)} <= {int, type(None)}):
        raise ValueError("a part of it is of another type")
    named = {f"{b}.{head}": (b, head) for b in range(layers) for head in range(count)}
    if not {*map(str, off)} <= {*named} or block not in {None, *range(layers)}:
        raise ValueError(f"blocks are 0 to {layers - 1}, heads 0.0 to {layers - 1}.{count - 1}")
    heads = [named[str(name)] for name in off]
    found = model.tokenizer.encode(text, "all")
    tokens = found[-TOKENS:]
    told = {"tokens": [model.tokenizer.decode([t]) for t in tokens], "unknown": [], "cut": len(tokens) < len(found)}
    if not tokens:
        return told
    at = min(max(len(tokens) - 1 if at is None else at, 0), len(tokens) - 1)
    with model.edit({"blocks.*": awaited, **without(model, heads)}), tl.no_grad():
        trace = model.trace(tokens, points=["embedding", "blocks.*", "blocks.*.attention.weights"])
        stages = np.stack([x[at] for x in trace.residual] + [trace.residual[-1][-1]])  # (layers + 2, width)
        *lens, after = probabilities(model.unembedding(model.norm(tl.tensor(stages)))).numpy()  # (vocab_size,) each
    with model.edit({"blocks.*": awaited}), tl.no_grad():
        whole = probabilities(model.next_logits([tokens])[0]).numpy() if heads else None  # (vocab_size,)
    weights = {
        b: np.rint(10_000 * w).astype(int).ravel().tolist() for b, w in enumerate(trace.attention) if block in (None, b)
    }  # (heads, tokens, tokens)
    best = [likeliest(model, p, 4) for p in lens]
    then, whole = (None if p is None else likeliest(model, p, LIKELIEST) for p in (after, whole))
    return {**told, "at": at, "attention": weights, "lens": best, "next": then, "whole": whole}


def app(model: Any, host: str, token: str) -> Any:
    """The server, as ASGI has it. host: its address and port, as a browser names them."""
    c = model.config
    config, block = {"layers": c.layers, "heads": c.heads}, min(BLOCK, c.layers - 1)
    data = {"config": config, "texts": TEXTS["smollm2"], "block": block}
    about = "Tokens are words and parts of words. Many heads rest on the first one, as their weights must sum to 1."
    parts = {"model": "SmolLM2", "home": "", "about": about, "likeliest": str(min(LIKELIEST, c.vocab_size))}
    html = filled("Type a text", "text", data, f"{FILE}; connect-src 'self'", **parts)

    cookie, origin = f"live-{host.rpartition(':')[2]}", f"http://{host}"
    turn, names = asyncio.Lock(), list[str]()  # names: of the questions, of which the first is answered now

    async def page(request: Request) -> Response:
        if "token" in request.query_params:
            return RedirectResponse("/", 303, {"Set-Cookie": f"{cookie}={token}; HttpOnly; SameSite=Lax"})
        return HTMLResponse(html, headers={"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})

    async def before(request: Request) -> Response:
        name = request.query_params.get("name")
        return JSONResponse(names.index(name) if name in names else 0)

    async def ask(request: Request) -> Response:
        left, name = threading.Event(), request.query_params.get("name", "")
        names.append(name)
        try:
            asked = question_in(await request.body())
            async with turn:
                if await request.is_disconnected():
                    raise ConnectionAbortedError
                work = asyncio.ensure_future(asyncio.to_thread(answer, model, **asked, left=left))
                while not (await asyncio.wait([work], timeout=0.1))[0]:
                    if await request.is_disconnected():
                        left.set()
                return JSONResponse(work.result())
        except (ClientDisconnect, ConnectionAbortedError):
            return Response(status_code=400)  # nobody hears it
        except (ValueError, LookupError) as error:
            return PlainTextResponse(f"{error}; gpt_worker.js says what a question is", 400)
        finally:
            left.set()
            names.remove(name)

    routes = [Route("/", page), Route("/before", before), Route("/ask", ask, methods=["POST"])]
    routed = Starlette(routes=routes)

    async def guarded(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            request = Request(scope)
            given = request.query_params.get("token") or request.cookies.get(cookie, "")
            own = (request.headers.get("host"), request.headers.get("origin", origin)) == (host, origin)
            if not (own and secrets.compare_digest(given.encode(), token.encode())):
                return await PlainTextResponse("open the link that the program has printed", 403)(scope, receive, send)
        return await routed(scope, receive, send)

    return guarded


def question_in(body: bytes) -> dict[str, Any]:
    """The question that was sent. Raises ValueError for anything else."""
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError):
        raise ValueError("it is no JSON") from None
    if not isinstance(asked, dict) or not {"text", "off"} <= asked.keys() <= {"text", "off", "at", "block"}:
        raise ValueError("it has text and off, and at and block if need be, and no other parts")
    return asked


def serve(load: Callable[[], Any]) -> None:
    """Load a model, print the link of its page, and serve it until Ctrl-C."""
    model = load()
    with socket.create_server(("127.0.0.1", 0)) as listening, suppress(KeyboardInterrupt):
        host, token = f"127.0.0.1:{listening.getsockname()[1]}", secrets.token_urlsafe()
        print(f"http://{host}/?token={token}\nOpen this link in a browser on this computer. Ctrl-C ends.", flush=True)
        settings = uvicorn.Config(app(model, host, token), log_level="warning", timeout_graceful_shutdown=2)
        uvicorn.Server(settings).run(sockets=[listening])
