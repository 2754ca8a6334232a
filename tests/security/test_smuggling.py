"""Requests that two servers in a row could understand differently: nobody gets a second request past the first."""

from __future__ import annotations

import pytest

from tests.support.nginx import Nginx
from tests.support.served import ServedCollector
from tests.support.wire import AUTHORIZATION, KEY, Address, Answer, batch, exchange, exchange_bytes, post

HIDDEN = post(batch("hidden"))
"""What the attacker wants to be taken for a request of its own."""

START = b"POST /v1/batch HTTP/1.1\r\nHost: localhost\r\n" + AUTHORIZATION
SHOWN = batch("shown")
LENGTH = b"Content-Length: %d" % len(SHOWN)

# Framing that RFC 9112 calls an error. Every one must end the connection, or what follows could be a second request.
BROKEN = {
    "CL.TE": post(b"0\r\n\r\n" + HIDDEN, b"Content-Length: 5", b"Transfer-Encoding: chunked"),
    "TE.CL": post(b"5\r\nabcde\r\n0\r\n\r\n" + HIDDEN, b"Transfer-Encoding: chunked", b"Content-Length: 3"),
    "two lengths": post(SHOWN + HIDDEN, LENGTH, b"Content-Length: 3"),
    "a list of lengths": post(SHOWN + HIDDEN, LENGTH + b", 3"),
    "a length with a sign": post(SHOWN + HIDDEN, LENGTH.replace(b": ", b": +")),
    "a negative length": post(SHOWN + HIDDEN, b"Content-Length: -1"),
    "a length in hexadecimal": post(SHOWN + HIDDEN, b"Content-Length: 0x20"),
    "a length in words of Python": post(SHOWN + HIDDEN, b"Content-Length: 1_0"),
    "a folded header": post(SHOWN + HIDDEN, b"X-Note: a\r\n b", LENGTH),
    "a folded Transfer-Encoding": post(b"0\r\n\r\n" + HIDDEN, b"Transfer-Encoding:\r\n chunked", LENGTH),
    "a space before the colon": post(b"0\r\n\r\n" + HIDDEN, b"Transfer-Encoding : chunked", LENGTH),
    "a name with a space": post(SHOWN + HIDDEN, b"X Note: a", LENGTH),
    "a control character in a value": post(b"0\r\n\r\n" + HIDDEN, b"Transfer-Encoding: \x0bchunked", LENGTH),
    "a zero byte in a value": post(SHOWN + HIDDEN, b"X-Note: a\0b", LENGTH),
    "a lone carriage return": post(SHOWN + HIDDEN, b"X-Note: a\rTransfer-Encoding: chunked", LENGTH),
    "an encoding nobody knows": post(b"0\r\n\r\n" + HIDDEN, b"Transfer-Encoding: xchunked"),
    "chunked, but not at the end": post(b"0\r\n\r\n" + HIDDEN, b"Transfer-Encoding: chunked, identity"),
    "chunked twice": post(b"0\r\n\r\n" + HIDDEN, b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"),
    "a chunk longer than it says": post(b"3\r\nabcdef\r\n0\r\n\r\n" + HIDDEN, b"Transfer-Encoding: chunked"),
    "a chunk size with a sign": post(b"-1\r\nabc\r\n0\r\n\r\n" + HIDDEN, b"Transfer-Encoding: chunked"),
    "a chunk size like C's": post(b"0x3\r\nabc\r\n0\r\n\r\n" + HIDDEN, b"Transfer-Encoding: chunked"),
    "a chunk size beyond all sizes": post(b"f" * 40 + b"\r\nabc\r\n0\r\n\r\n" + HIDDEN, b"Transfer-Encoding: chunked"),
    "no host": post(SHOWN + HIDDEN, LENGTH).replace(b"Host: localhost\r\n", b"", 1),
    "two hosts": post(SHOWN + HIDDEN, LENGTH, b"Host: elsewhere"),
    "the head of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + HIDDEN,
    "a version of nobody's": HIDDEN.replace(b"HTTP/1.1", b"HTTP/1.x", 1) + HIDDEN,
}
# The standard lets a server accept a lone line feed; nginx does, and passes on what it understood in proper form.
# The collector, which may stand behind any proxy, does not.
# Of a request without version, too, which nginx answers as HTTP/0.9 does: by text without a head.
LONE_LINE_FEEDS = {
    "no version": b"POST /v1/batch\r\n" + HIDDEN,
    "line feeds alone": START.replace(b"\r\n", b"\n") + LENGTH + b"\n\n" + SHOWN + HIDDEN,
    "a line feed alone after a header": START + b"X-Note: a\n" + LENGTH + b"\r\n\r\n" + SHOWN + HIDDEN,
    "a line feed in a chunk's extension": post(b"2;a\nb\r\n{}\r\n0\r\n\r\n" + HIDDEN, b"Transfer-Encoding: chunked"),
    "line feeds between chunks": post(b"2\n{}\n0\n\n" + HIDDEN, b"Transfer-Encoding: chunked"),
}


def hidden_count(collector: ServedCollector) -> int:
    """How often the hidden request was taken for a request."""
    return collector.spooled_ids().count("hidden")


@pytest.mark.parametrize("name", BROKEN)
def test_a_request_of_two_meanings_is_refused_and_the_connection_ends(
    collector: ServedCollector, where: Address, name: str
) -> None:
    """It gets one answer, an error in JSON, and what stands behind it is never taken for a request."""
    before = hidden_count(collector)

    (answer,) = exchange(where, BROKEN[name])

    assert_refused(answer)
    assert hidden_count(collector) == before


@pytest.mark.parametrize("name", LONE_LINE_FEEDS)
def test_the_collector_takes_no_lone_line_feed_for_a_line_end(collector: ServedCollector, name: str) -> None:
    """A proxy may see one line where there are two; such a request is refused."""
    before = hidden_count(collector)

    (answer,) = exchange(collector.address, LONE_LINE_FEEDS[name])

    assert_refused(answer)
    assert hidden_count(collector) == before


@pytest.mark.parametrize("method", [b"CONNECT localhost:443", b"TRACE /v1/batch", b"GET /v1/batch", b"FOO /v1/batch"])
def test_methods_that_no_route_has_are_refused(where: Address, method: bytes) -> None:
    """No tunnel and no echo: the answer is an error in JSON, and repeats nothing."""
    request = method + b" HTTP/1.1\r\nHost: localhost\r\nX-Note: repeat-me\r\nConnection: close\r\n\r\n"

    (answer,) = exchange(where, request)

    assert answer.status in (400, 404, 405)
    assert answer.json["code"]
    assert b"repeat-me" not in answer.body


def test_a_switch_of_protocols_is_not_taken_up(collector: ServedCollector, where: Address) -> None:
    """Neither WebSocket nor cleartext HTTP/2: the request is answered as the HTTP/1.1 that it is, in its own bounds."""
    before = hidden_count(collector)

    for protocol in (b"websocket", b"h2c"):
        lines = (b"Connection: Upgrade", b"Upgrade: " + protocol)
        answers = exchange(where, post(b"{}", *lines, close=False), timeout_s=2)
        assert [answer.status for answer in answers] == [400]

    assert hidden_count(collector) == before


def test_nothing_of_a_broken_request_is_repeated(collector: ServedCollector, nginx: Nginx) -> None:
    """Neither the answer nor any log line shows the bytes of a broken request, which may hold a write key."""
    secret = AUTHORIZATION.split()[-1].decode()
    key = KEY.encode()
    in_the_url = [post(b"{", path=b"/v1/batch?writeKey=" + key), post(b"{", path=b"/v1/projects/" + key + b"/settings")]
    broken = [*BROKEN.values(), *LONE_LINE_FEEDS.values(), *in_the_url]

    for request in broken:
        for where in (collector.address, nginx.tls):
            assert secret.encode() not in exchange_bytes(where, request)

    for log in (collector.log(), nginx.log()):
        assert secret not in log
        assert KEY not in log
        assert "Traceback" not in log


def assert_refused(answer: Answer) -> None:
    """An error as the wire format has it."""
    assert 400 <= answer.status < 502
    assert answer.json["success"] is False
    assert answer.json["code"]
    assert answer.json["message"]
