"""Who may ask: a layer around the whole server that every request and web socket goes through.

A server on one's own machine is reachable for any page that a browser has open there. So

- **Host** must be a name that this server was told of, or else a page could point its own name at
  127.0.0.1 (DNS rebinding);
- **Origin** must be the server itself, for web sockets always and for requests where the browser
  names it; a request that the browser calls cross-site may be a plain visit and nothing else;
- a **token** is asked for where others than this machine can reach the server; it comes once in
  the address and then in a cookie;
- **bodies** have a size that they may not exceed, whatever their header says.

Public names: `Guard`, `Rules`.
May import: `clearprop.explanation.words`.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass
from hmac import compare_digest
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from clearprop.explanation.words import words

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

LOOPBACK = ("127.0.0.1", "localhost", "::1")
SMALL_BODY = 1_000_000  # bytes, of anything that is not an upload
POLICY = (
    # NiceGUI's page has scripts of its own and compiles templates; nothing comes from elsewhere
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
    "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    # the token may stand in the address
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)


@dataclass(frozen=True)
class Rules:
    """What is let through.

    Attributes
    ----------
    hosts : frozenset of str
        Names that the server is called by, in lower case.
    addresses : bool
        Whether it may also be called by any address in numbers, which nobody can point elsewhere.
    token : str, optional
        What a visitor must bring.
    upload_path : str
        Where uploads go; a path that begins so may have a body of `most_bytes`.
    most_bytes : int
    """

    hosts: frozenset[str] = frozenset(LOOPBACK)
    addresses: bool = False
    token: str | None = None
    upload_path: str = "/upload/"
    most_bytes: int = 20_000_000

    def knows(self, host: str) -> bool:
        """Whether a Host header is this server's, whatever the port."""
        name = _name_of(host)
        return name is not None and (name in self.hosts or (self.addresses and _is_address(name)))


class _RefusedError(Exception):
    """A request that goes no further."""

    def __init__(self, status: int, key: str, **values: Any) -> None:
        super().__init__(key)
        self.status, self._key, self._values = status, key, values

    @property
    def reason(self) -> str:
        """What a person is told, in both languages: which one is theirs is not known yet."""
        return "\n\n".join(words(lang)(self._key, **self._values) for lang in ("en", "zh"))


class Guard:
    """Lets through what the rules allow, and adds headers that keep the page to itself."""

    def __init__(self, app: Any, rules: Rules) -> None:
        self.app, self.rules = app, rules

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, or refuse it."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        started = False

        async def answer(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message["headers"] = [*message.get("headers", []), *HEADERS]
            await send(message)

        try:
            self._check(scope)
            if scope["type"] == "http":
                if await self._welcomed(scope, answer):
                    return
                receive = self._counted(scope, receive)
            await self.app(scope, receive, answer)
        except _RefusedError as refused:
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008})
            elif not started:
                await _respond(answer, refused.status, refused.reason)

    def _check(self, scope: Scope) -> None:
        host = _single(scope, b"host")
        if host is None or not self.rules.knows(host):
            raise _RefusedError(421, "studio_guard.host", host=(host or "")[:200])
        self._check_origin(scope, host)
        if self.rules.token is not None and not self._has_token(scope):
            raise _RefusedError(401, "studio_guard.token")

    def _check_origin(self, scope: Scope, host: str) -> None:
        origin = _single(scope, b"origin")
        if origin is not None:
            # "null", as from a file or a sandbox, has no place
            own = urlsplit(origin).netloc == host
        elif scope["type"] == "websocket":
            own = False
        else:
            site = _single(scope, b"sec-fetch-site")
            own = site in (None, "same-origin", "none") or _is_visit(scope)
        if not own:
            if origin:
                raise _RefusedError(403, "studio_guard.origin", origin=origin[:200])
            raise _RefusedError(403, "studio_guard.other_site")

    def _has_token(self, scope: Scope) -> bool:
        given = [value for name, value in _query(scope) if name == "token"]
        cookie = _single(scope, b"cookie")
        if cookie is not None:
            given += _cookie(cookie, _cookie_name(scope))
        token = (self.rules.token or "").encode()
        return any(compare_digest(one.encode(), token) for one in given)

    async def _welcomed(self, scope: Scope, send: Send) -> bool:
        """Put a token from the address into a cookie, and lead to the address without it."""
        query = _query(scope)
        rest = [(name, value) for name, value in query if name != "token"]
        if self.rules.token is None or len(rest) == len(query) or scope["method"] != "GET":
            return False
        # one slash at the beginning: two would lead to another server
        path = "/" + scope["path"].lstrip("/\\")
        where = f"{path}?{urlencode(rest)}" if rest else path
        cookie = f"{_cookie_name(scope)}={self.rules.token}; HttpOnly; SameSite=Lax; Path=/"
        headers = [(b"location", where.encode()), (b"set-cookie", cookie.encode())]
        await _respond(send, 303, "", headers)
        return True

    def _counted(self, scope: Scope, receive: Receive) -> Receive:
        """Return `receive` that ends where a body is larger than it may be."""
        uploads = scope["path"].startswith(self.rules.upload_path)
        most = self.rules.most_bytes if uploads else SMALL_BODY
        told = _single(scope, b"content-length")
        if told is not None and (not told.isdigit() or int(told) > most):
            raise _too_large(most)
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > most:
                raise _too_large(most)
            return message

        return counted


def _too_large(most: int) -> _RefusedError:
    return _RefusedError(413, "studio_guard.too_large", mb=f"{most / 1e6:g}")


async def _respond(
    send: Send, status: int, text: str, headers: Iterable[tuple[bytes, bytes]] = ()
) -> None:
    own = [(b"content-type", b"text/plain; charset=utf-8"), (b"cache-control", b"no-store")]
    start = {"type": "http.response.start", "status": status, "headers": [*own, *headers]}
    await send(start)
    await send({"type": "http.response.body", "body": text.encode()})


def _single(scope: Scope, name: bytes) -> str | None:
    """Return a header; None where it is absent, refused where it came twice."""
    found = [value for header, value in scope["headers"] if header.lower() == name]
    if len(found) > 1 and name != b"cookie":
        raise _RefusedError(400, "studio_guard.twice", name=name.decode(), times=len(found))
    return b"; ".join(found).decode("latin-1") if found else None


def _name_of(host: str) -> str | None:
    """Return the name in a Host header, without its port; None where it is not one."""
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _is_visit(scope: Scope) -> bool:
    """Whether a request is a person following a link."""
    mode, kind = _single(scope, b"sec-fetch-mode"), _single(scope, b"sec-fetch-dest")
    return scope["method"] == "GET" and mode == "navigate" and kind == "document"


def _query(scope: Scope) -> list[tuple[str, str]]:
    return parse_qsl(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)


def _cookie_name(scope: Scope) -> str:
    # cookies are shared by all ports of a host
    server = scope.get("server") or ("", 0)
    return f"clearprop-{server[1]}"


def _cookie(header: str, name: str) -> list[str]:
    try:
        found = SimpleCookie(header).get(name)
    except CookieError:
        return []
    return [found.value] if found else []
