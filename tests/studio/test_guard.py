"""Every way in is tried: names, origins, tokens and sizes, for requests and for web sockets."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

from clearprop.studio.guard import Guard, Rules

HOST = (b"host", b"127.0.0.1:8080")
OWN = (b"origin", b"http://127.0.0.1:8080")


async def app(scope, receive, send):
    """Answers ok, after it has read the whole body."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
        return
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"ok"})


def ask(headers=(HOST,), rules=None, *, kind="http", path="/", query=b"", method="GET", body=()):
    """Return the messages that the guard sends."""
    scope = {
        "type": kind, "path": path, "query_string": query, "method": method,
        "headers": list(headers), "server": ("127.0.0.1", 8080),
    }  # fmt: skip
    pieces = [{"type": "http.request", "body": piece, "more_body": True} for piece in body] + [
        {"type": "http.request", "body": b"", "more_body": False}
    ]
    sent = []

    async def receive():
        return pieces.pop(0)

    async def send(message):
        sent.append(message)

    # a thread has no loop of its own yet, whatever the tests before have left running in this one
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, Guard(app, rules or Rules())(scope, receive, send)).result()
    return sent


def status(*arguments, **options):
    return ask(*arguments, **options)[0].get("status")


def socket(headers, rules=None):
    return ask(headers, rules, kind="websocket")[0]["type"]


def test_its_own_names_are_let_through():
    for name in (b"127.0.0.1:8080", b"localhost:8080", b"[::1]:8080", b"LOCALHOST:9000"):
        assert status([(b"host", name)]) == 200


@pytest.mark.parametrize(
    "name", [b"evil.example", b"127.0.0.1.evil.example:8080", b"192.168.0.7", b"", b"[::1", b"0"]
)
def test_another_name_is_refused(name):
    assert status([(b"host", name)]) == 421
    assert socket([(b"host", name), (b"origin", b"http://" + name)]) == "websocket.close"


def test_no_host_and_two_hosts_are_refused():
    assert status([]) == 421
    assert status([HOST, (b"host", b"evil.example")]) == 400


def test_addresses_are_let_through_where_others_may_reach_the_server():
    rules = Rules(addresses=True)
    assert status([(b"host", b"192.168.0.7:8080")], rules) == 200
    assert status([(b"host", b"evil.example:8080")], rules) == 421


@pytest.mark.parametrize(
    "origin",
    [b"http://evil.example", b"http://localhost:8080", b"http://127.0.0.1:8081", b"null", b""],
)
def test_another_origin_is_refused(origin):
    assert status([HOST, (b"origin", origin)]) == 403
    assert status([HOST, (b"origin", origin)], method="POST") == 403
    assert socket([HOST, (b"origin", origin)]) == "websocket.close"


def test_a_web_socket_must_say_where_it_comes_from():
    assert socket([HOST]) == "websocket.close"
    assert socket([HOST, OWN]) == "websocket.accept"
    assert status([HOST, OWN], method="POST") == 200


def test_what_the_browser_calls_cross_site_may_only_visit():
    other = (b"sec-fetch-site", b"cross-site")
    visit = [(b"sec-fetch-mode", b"navigate"), (b"sec-fetch-dest", b"document")]
    assert status([HOST, other]) == 403
    assert status([HOST, (b"sec-fetch-site", b"same-site")]) == 403
    assert status([HOST, other, *visit]) == 200
    assert status([HOST, other, *visit], method="POST") == 403
    assert status([HOST, other, visit[0], (b"sec-fetch-dest", b"iframe")]) == 403
    assert status([HOST, (b"sec-fetch-site", b"same-origin")]) == 200


def test_a_token_is_asked_for_and_moves_into_a_cookie():
    rules = Rules(token="s3cret")
    assert status([HOST], rules) == 401
    assert status([HOST], rules, query=b"token=wrong") == 401
    assert socket([HOST, OWN], rules) == "websocket.close"
    start = ask([HOST], rules, query=b"token=s3cret&lang=zh")[0]
    headers = dict(start["headers"])
    assert start["status"] == 303
    assert headers[b"location"] == b"/?lang=zh"
    cookie = headers[b"set-cookie"].decode()
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    bearer = (b"cookie", b"other=1; " + cookie.split(";")[0].encode())
    assert status([HOST, bearer], rules) == 200
    assert socket([HOST, OWN, bearer], rules) == "websocket.accept"
    assert status([HOST, (b"cookie", b"clearprop-8080=wrong")], rules) == 401


def test_the_way_on_from_a_token_stays_on_this_server():
    start = ask([HOST], Rules(token="t"), path="//evil.example/x", query=b"token=t")[0]
    assert dict(start["headers"])[b"location"] == b"/evil.example/x"


def test_bodies_end_where_they_are_too_large():
    rules = Rules(most_bytes=5_000_000)
    long = [(b"content-length", b"6000000")]
    assert status([HOST, OWN, *long], rules, path="/upload/x", method="POST") == 413
    assert status([HOST, OWN, (b"content-length", b"-1")], rules, method="POST") == 413
    pieces = [b"x" * 1_000_000] * 4
    assert status([HOST, OWN], rules, path="/upload/x", method="POST", body=pieces) == 200
    # no header tells its size, and elsewhere less is taken
    assert status([HOST, OWN], rules, path="/other", method="POST", body=pieces) == 413
    assert status([HOST, OWN], rules, path="/upload/x", method="POST", body=pieces * 2) == 413


def test_answers_keep_the_page_to_itself():
    headers = dict(ask()[0]["headers"])
    assert headers[b"x-frame-options"] == b"DENY"
    assert b"frame-ancestors 'none'" in headers[b"content-security-policy"]
    assert headers[b"referrer-policy"] == b"no-referrer"
    refused = dict(ask([HOST, (b"origin", b"http://evil.example")])[0]["headers"])
    assert refused[b"x-content-type-options"] == b"nosniff"
