"""What waits to be sent to a page, and how many pages there are: both bounded.

A page that works asks for the next frame when it has painted the last one, so little ever waits.
One that asks and does not read would have everything kept for it; it is dropped instead. And a page
is made for whoever asks for the address, before its script has run: so many at once and no more.

Public names: `Crowd`, `MOST_WAITING`, `drop`, `waiting`.
May import: NiceGUI, `clearprop.explanation.words`.
"""

from __future__ import annotations

import asyncio
from typing import Any

from nicegui import Client, core

from clearprop.explanation.words import words

MOST_WAITING = 40  # messages; a frame is one
WITHOUT_SCRIPT = 20  # pages besides those that have a session


def waiting(client_id: str) -> int:
    """Return how many messages wait until a page reads those before."""
    sockets = core.sio.eio.sockets
    found = (sockets.get(eio) for _, eio in _connections(client_id))
    return max((one.queue.qsize() for one in found if one is not None), default=0)


def drop(client_id: str) -> None:
    """End the connections of a page, from the server's loop."""
    for sid, _ in _connections(client_id):
        asyncio.get_running_loop().create_task(core.sio.disconnect(sid))


def _connections(client_id: str) -> list[tuple[str, str]]:
    return list(core.sio.manager.get_participants("/", client_id))


class Crowd:
    """Answers whoever asks for one page too many, in plain ASGI."""

    def __init__(self, app: Any, sessions: int) -> None:
        self.app, self._most = app, sessions + WITHOUT_SCRIPT

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve a request, or say that there are too many pages."""
        is_page = scope["type"] == "http" and scope["path"] == "/"
        if not is_page or len(Client.instances) < self._most:
            await self.app(scope, receive, send)
            return
        text = "\n\n".join(words(lang)("studio_sharing.crowded") for lang in ("en", "zh"))
        headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"retry-after", b"60")]
        await send({"type": "http.response.start", "status": 503, "headers": headers})
        await send({"type": "http.response.body", "body": text.encode()})
