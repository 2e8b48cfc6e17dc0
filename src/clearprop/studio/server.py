"""The process behind the page: where it listens, who it answers, and what it serves.

On this machine alone it needs no token. Told to listen elsewhere, it makes one and prints the
address that holds it. Kernels are compiled before the first page is served, so that no page waits
for them.

Public names: `Options`, `application`, `make_room`, `serve`.
May import: NiceGUI, uvicorn, `backlog`, `guard`, `page`, `sessions`, `sharing`, `told`.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
import webbrowser
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clearprop.errors import ClearpropError, EngineError, MissingExtraError, SettingError
from clearprop.explanation.words import words
from clearprop.studio.guard import LOOPBACK, Guard, Rules
from clearprop.studio.sessions import Place, Sessions
from clearprop.studio.told import said

try:
    import uvicorn
    from fastapi import FastAPI, Request, Response
    from nicegui import ui
except ImportError as error:
    raise MissingExtraError(
        "The studio needs NiceGUI, which is an extra: pip install 'clearprop[studio]'"
    ) from error

ANY = ("0.0.0.0", "::")
# what an upload is, and the command that takes it
BROUGHT = {
    "own": "open_table",
    "file": "sharing.open_file",
    "table": "sharing.open_table",
    "link": "sharing.open_link_file",
}
WISHES = {"picture", "ground", "lang"}
LARGEST_MESSAGE = 1_000_000  # bytes, from a page over its web socket
MOST_KEPT = 6  # files of a session
SEND_BUFFER = 200_000  # bytes, of a connection


@dataclass(frozen=True)
class Options:
    """How to serve.

    Attributes
    ----------
    host : str
        The address to listen on.
    port : int
        0 for any that is free.
    hosts : tuple of str
        Further names that pages may call the server by.
    sessions : int
        How many pages may be open.
    most_mb : float
        The largest upload.
    browser : bool
        Whether to open the page.
    """

    host: str = "127.0.0.1"
    port: int = 8265
    hosts: tuple[str, ...] = ()
    sessions: int = 8
    most_mb: float = 20.0
    browser: bool = True

    def __post_init__(self) -> None:
        if self.sessions < 1 or self.most_mb <= 0:
            raise SettingError("A studio needs at least 1 session and uploads above 0 MB.")

    @property
    def private(self) -> bool:
        """Whether this machine alone can reach the server."""
        return self.host in LOOPBACK

    def rules(self, token: str | None) -> Rules:
        """Return what the guard lets through."""
        names = {*LOOPBACK, *self.hosts, *(() if self.host in ANY else (self.host,))}
        if not self.private:
            names.add(socket.gethostname())
        return Rules(
            frozenset(name.lower() for name in names),
            addresses=not self.private,
            token=token,
            most_bytes=int(self.most_mb * 1e6),
        )


def serve(options: Options, say: Callable[[str], Any] = print) -> None:
    """Serve the studio until it is interrupted.

    Raises
    ------
    EngineError
        The address cannot be listened on.
    """
    listening = _listen(options)
    port = listening.getsockname()[1]
    token = None if options.private else secrets.token_urlsafe(24)
    warm_up()
    app = application(options, token)
    shown = "localhost" if options.host in ANY else options.host
    address = f"http://{f'[{shown}]' if ':' in shown else shown}:{port}/"
    address += f"?token={token}" if token else ""
    say(f"The studio is at {address}\nCtrl-C ends it.")
    if options.browser:
        webbrowser.open(address)
    config = uvicorn.Config(
        app, log_level="warning", ws_max_size=LARGEST_MESSAGE, server_header=False,
        timeout_graceful_shutdown=2,
    )  # fmt: skip
    uvicorn.Server(config).run(sockets=[listening])


def application(options: Options, token: str | None) -> Guard:
    """Return everything that is served, behind its guard."""
    from clearprop.studio.backlog import Crowd
    from clearprop.studio.page import build, language_of

    sessions = Sessions(options.sessions)
    most_bytes = int(options.most_mb * 1e6)
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    @app.post("/upload/{key}")
    async def upload(key: str, name: str, request: Request, what: str = "own") -> Response:
        place = sessions.get(key)
        if place is None or what not in BROUGHT:
            return _no_session(request)
        make_room(place.folder)
        path = place.folder / f"{secrets.token_hex(8)}{_suffix(name)}"
        with path.open("wb") as file:
            async for piece in request.stream():
                file.write(piece)
        place.session.do(BROUGHT[what], str(path), name[:200])
        return Response(status_code=204)

    @app.get("/take/{key}/{what}")
    async def take_away(key: str, what: str, request: Request) -> Response:
        place = sessions.get(key)
        if place is None:
            return _no_session(request)
        asked = {name: request.query_params[name] for name in WISHES & {*request.query_params}}
        return await _taken(place, what, asked)

    @app.post("/leave/{key}")
    def leave(key: str) -> Response:
        sessions.close(key)
        return Response(status_code=204)

    @ui.page("/")
    def index(request: Request) -> None:
        accepted = request.headers.get("accept-language", "")
        build(sessions, language_of(accepted, request.query_params.get("lang")), most_bytes)

    app.router.add_event_handler("shutdown", sessions.close_all)
    ui.run_with(
        app, title="clearprop studio", dark=None, tailwind=False, reconnect_timeout=5.0,
        message_history_length=50, show_welcome_message=False, binding_refresh_interval=None,
        favicon=str(Path(__file__).parent / "static" / "icon.svg"),
    )  # fmt: skip
    return Guard(Crowd(app, options.sessions), options.rules(token))


def make_room(folder: Path) -> None:
    """Take away what was sent long ago; it has been read, and a disk is not to fill up."""
    sent = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime)
    for path in sent[: max(0, len(sent) - MOST_KEPT + 1)]:
        path.unlink(missing_ok=True)


def _no_session(request: Request) -> Response:
    lang = "zh" if request.query_params.get("lang") == "zh" else "en"
    return Response(words(lang)("studio_sharing.no_session"), 404)


async def _taken(place: Place, what: str, asked: dict[str, str]) -> Response:
    """Answer with what a person takes away, made from a copy of the run on a thread of its own."""
    from clearprop.studio.sharing.takings import Wish, take

    lang = asked.get("lang", "en")
    try:
        held = await asyncio.wrap_future(place.session.ask("sharing.hold"))
        taken = await asyncio.to_thread(lambda: take(what, held, Wish(**asked)))
    except ClearpropError as error:
        return Response(said(error, "zh" if lang == "zh" else "en"), 400)
    headers = {
        "content-disposition": f'attachment; filename="{taken.name}"',
        "cache-control": "no-store",
    }
    return Response(taken.data, 200, headers, taken.kind)


def warm_up() -> None:
    """Take a few steps, so that kernels are compiled."""
    from clearprop.studio.desk import Desk

    desk = Desk()
    desk.step_sample()
    desk.step_epoch()


def _listen(options: Options) -> socket.socket:
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # what a page does not read is soon felt here (`backlog`); connections inherit it
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
    try:
        listening.bind((options.host, options.port))
    except OSError as error:
        listening.close()
        raise EngineError(
            f"The studio cannot listen on {options.host}, port {options.port}: {error.strerror}. "
            f"Another program may; take another one with --port, or any free one with --port 0."
        ) from error
    return listening


def _suffix(name: str) -> str:
    """Return the end of a file's name that says what it is, of letters and digits alone."""
    ends = [end for end in Path(name).suffixes[-2:] if end[1:].isalnum() and len(end) < 9]
    return "".join(ends).lower()
