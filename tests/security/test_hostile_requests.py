"""Requests that are right in form and made to cost: bombs, floods, deep nesting, long and crooked URLs."""

from __future__ import annotations

import gzip
import sys
import zlib
from collections.abc import Iterator

import pytest

from tests.support.nginx import Nginx
from tests.support.served import ServedCollector
from tests.support.wire import AUTHORIZATION, KEY, Address, batch, exchange, post

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MEGABYTE = 1_000_000
SPACES = b" " * (200 * MEGABYTE)


def raw_deflate(body: bytes) -> bytes:
    """Return deflate without zlib's frame, as old clients send it."""
    packer = zlib.compressobj(9, wbits=-15)
    return packer.compress(body) + packer.flush()


WIDE: dict[int, int] = {zstd.CompressionParameter.window_log: 27}
BOMBS = {
    "gzip": (b"gzip", gzip.compress(SPACES)),
    "deflate": (b"deflate", zlib.compress(SPACES)),
    "deflate without a frame": (b"deflate", raw_deflate(SPACES)),
    "zstd": (b"zstd", zstd.compress(SPACES)),
    "zstd that wants a window of 128 MiB": (
        b"zstd",
        zstd.compress(SPACES, options=WIDE),
    ),
    "gzip in gzip": (b"gzip", gzip.compress(gzip.compress(SPACES))),
    "gzip in gzip, as it is said": (b"gzip, gzip", gzip.compress(gzip.compress(SPACES))),
    "a thousand members": (b"gzip", gzip.compress(b"") * 1_000),
    "a thousand frames": (b"zstd", zstd.compress(b"") * 1_000),
    "an encoding of nobody's": (b"x-bomb", b"BOOM"),
}

REFUSED = ("batch_too_large", "bad_encoding", "unknown_encoding", "malformed_json", "bad_batch")

N = 490 * 1024


def many(unit: bytes) -> bytes:
    """Return as many of these as fit in one body, between commas."""
    return b",".join([unit] * (N // (len(unit) + 1)))


def numbered(count: int, pattern: bytes = b'"k%d":0') -> bytes:
    """Return so many members of a JSON object, every key another."""
    return b",".join(pattern % number for number in range(count))


EVENT = b'{"batch":[{"type":"track","event":"e","userId":"u","properties":{'
FLOODS = {
    "deep lists": b'{"batch":[' + b"[" * (N // 2) + b"]" * (N // 2) + b"]}",
    "deep objects": b'{"batch":[' + b'{"a":' * (N // 7) + b"1" + b"}" * (N // 7) + b"]}",
    "a deep list without end": b"[" * N,
    "many deep lists": b'{"batch":[' + many(b"[" * 900 + b"]" * 900) + b"]}",
    "many deep lists with NaN": b'{"batch":[' + many(b"[" * 900 + b"NaN" + b"]" * 900) + b"]}",
    "keys of an envelope": b'{"batch":[],' + numbered(40_000) + b"}",
    "keys of a context": b'{"batch":[{"type":"track","event":"e","userId":"u"}],"context":{' + numbered(40_000) + b"}}",
    "keys of an event": b'{"batch":[{"type":"track","event":"e","userId":"u","properties":{'
    + numbered(40_000)
    + b"}}]}",
    "one key again and again": b'{"batch":[{' + many(b'"properties":{}') + b"}]}",
    "keys for one slot of a hash table": b'{"batch":[{"properties":{'
    + numbered(20_000, b'"%d":0').replace(b"0:", b"00000:")
    + b"}}]}",
    "no numbers": b'{"batch":[' + many(b"NaN") + b"]}",
    "half characters": b'{"batch":[' + many(b'"\\ud800"') + b"]}",
    "a number of half a million digits": b'{"batch":[{"type":"track","event":"e","properties":{"n":'
    + b"9" * N
    + b"}}]}",
    "events of one digit": b'{"batch":[' + many(b"0") + b"]}",
    "empty events": b'{"batch":[' + many(b"{}") + b"]}",
    "backslashes": b'{"batch":["' + b"\\" * N,
    "white space": b" " * N,
}


@pytest.fixture(autouse=True)
def nobody_else_suffers(collector: ServedCollector) -> Iterator[None]:
    """After every attack the collector's memory is what it was, within a bound, and another client is served."""
    before = collector.memory_bytes()
    yield
    (answer,) = exchange(collector.address, post(batch("afterwards")))
    assert answer.status == 200
    assert collector.memory_bytes() < before + 60 * MEGABYTE


@pytest.mark.parametrize("name", BOMBS)
def test_a_body_unpacks_to_no_more_than_its_limit(collector: ServedCollector, where: Address, name: str) -> None:
    """A small body that grows to 200 MB is refused with 400; no more of it is unpacked than one batch may have."""
    encoding, bomb = BOMBS[name]
    for body in (bomb, bomb[: len(bomb) // 2]):
        (answer,) = exchange(where, post(body, b"Content-Encoding: " + encoding))

        assert answer.status == 400
        assert answer.json["code"] in (
            "batch_too_large",
            "bad_encoding",
            "unknown_encoding",
            "malformed_json",
            "bad_batch",
        )


@pytest.mark.parametrize("name", FLOODS)
def test_no_body_holds_a_worker_up(where: Address, name: str) -> None:
    """The costliest JSON that a body has room for is answered in JSON; without a known key it is not even judged."""
    (answer,) = exchange(where, post(FLOODS[name]))
    assert answer.status in (200, 400)
    assert "success" in answer.json

    request = post(FLOODS[name], b"X-Note: no key").replace(AUTHORIZATION, b"")
    (answer,) = exchange(where, request)
    assert answer.status in (400, 401)
    assert answer.json["code"]


def test_a_body_beyond_the_limit_is_refused_as_it_comes(where: Address) -> None:
    """However long it claims to be, and with no claim at all: it is not read to its end."""
    huge = b"x" * (3 * MEGABYTE)
    chunk = b"%x\r\n%b\r\n" % (len(huge), huge)
    for request in (
        post(huge, b"Content-Length: 999999999999"),
        post(chunk * 3, b"Transfer-Encoding: chunked"),
    ):
        answers = exchange(where, request)
        assert [400] == [answer.status for answer in answers]
        assert answers[0].json["code"] == "batch_too_large"


HEADS = {
    "five hundred headers": b"".join(b"X-%d: a\r\n" % number for number in range(500)),
    "a header of 40 KB": b"X-Note: " + b"a" * 40_000 + b"\r\n",
    "a header's name of 40 KB": b"X-" + b"a" * 40_000 + b": a\r\n",
    "headers without end": b"".join(b"X-%d: %b\r\n" % (number, b"a" * 4_000) for number in range(200)),
    "a cookie of 40 KB": b"Cookie: " + b"a=b; " * 8_000 + b"\r\n",
    "a key of 40 KB": b"Authorization: Basic " + b"YTph" * 10_000 + b"\r\n",
}


@pytest.mark.parametrize("name", HEADS)
def test_a_flood_of_headers_is_refused(where: Address, name: str) -> None:
    """More than 128 headers, or one of more than 8,190 bytes, ends the connection with an answer in JSON."""
    head = b"POST /v1/batch HTTP/1.1\r\nHost: localhost\r\n" + HEADS[name] + b"Content-Length: 0\r\n\r\n"
    for answer in exchange(where, head, timeout_s=5):
        assert answer.status == 400
        assert answer.json["code"] in ("malformed_http", "malformed_json")


def test_a_url_beyond_all_bounds_is_refused(where: Address) -> None:
    """A URL of 100 KB gets 400 in JSON; one that just fits is judged by its path."""
    (answer,) = exchange(where, post(b"{}", path=b"/v1/batch?" + b"a" * 100_000))
    assert (400, "malformed_http") == (answer.status, answer.json["code"])

    (answer,) = exchange(where, post(b"{}", path=b"/v1/batch?" + b"a" * 7_000))
    assert (400, "bad_batch") == (answer.status, answer.json["code"])


CROOKED = [
    b"/v1/../metrics", b"/v1/%2e%2e/metrics", b"/v1/..%2fmetrics", b"//metrics", b"/./metrics", b"/%6detrics",
    b"/metrics/", b"/metrics%2f", b"/metrics%00", b"/metrics;x", b"/metrics?x", b"/metrics#x", b"/metrics%20",
    b"/metrics%0d%0a", b"/METRICS", b"/%2fmetrics", b"/v1\\..\\metrics", b"/v1/batch/../../metrics",
    b"/%c0%ae%c0%ae/metrics", b"http://localhost/metrics", b"http://127.0.0.1/metrics",
    b"http://elsewhere.example/metrics", b"//elsewhere.example/metrics", b"/ready", b"/%72eady",
    b"/..%5c..%5cetc/passwd", b"/v1/../../../../etc/passwd", b"/static/../../etc/passwd", b"/?token=x",
    b"/api/live",
]  # fmt: skip


@pytest.mark.parametrize("path", CROOKED)
def test_no_path_leads_to_a_page_for_operators(nginx: Nginx, path: bytes) -> None:
    """From outside there are no metrics, no readiness, no console and no file, however their path is written."""
    for host in (b"localhost", b"127.0.0.1", b"events.example.com"):
        request = b"GET " + path + b" HTTP/1.1\r\nHost: " + host + b"\r\nConnection: close\r\n\r\n"
        (answer,) = exchange(nginx.tls, request)

        assert answer.status in (400, 401, 403, 404, 405)
        assert b"trackway_" not in answer.body
        assert b"root:" not in answer.body
        assert answer.json["code"]


def test_plain_http_takes_no_events(collector: ServedCollector, nginx: Nginx) -> None:
    """Port 80 says that it wants HTTPS; it sends nobody on, whose key would travel in the clear a second time."""
    (answer,) = exchange(nginx.plain, post(batch("in-the-clear")))

    assert (400, "https_only") == (answer.status, answer.json["code"])
    assert "in-the-clear" not in collector.spooled_ids()


def test_behind_nginx_the_collectors_answers_stay_as_they_are(collector: ServedCollector, nginx: Nginx) -> None:
    """Statuses, codes, bodies and the headers that browsers need come through TLS unchanged."""
    lines = (b"Origin: https://shop.example",)
    for request in (post(batch("through-tls"), *lines), post(b"{", *lines), post(b"{}", *lines, path=b"/nowhere")):
        (direct,), (through,) = exchange(collector.address, request), exchange(nginx.tls, request)

        said, said_through = ({**answer.json, "requestId": ""} for answer in (direct, through))
        assert (direct.status, said) == (through.status, said_through)
        for name in ("access-control-allow-origin", "access-control-expose-headers", "content-type"):
            assert direct.headers.get(name) == through.headers.get(name)
        assert "aiohttp" not in " ".join(through.headers.values())
        assert "aiohttp" not in " ".join(direct.headers.values())
    assert KEY not in nginx.log()


def test_when_the_collector_is_away_clients_are_told_to_come_back(nginx: Nginx, collector: ServedCollector) -> None:
    """nginx answers 503 in JSON with Retry-After, which every client takes as: keep the batch and send it again."""
    collector.stop()
    try:
        (answer,) = exchange(nginx.tls, post(batch("too-early")))
        assert (503, "unavailable") == (answer.status, answer.json["code"])
        assert int(answer.headers["retry-after"]) > 0
    finally:
        collector.start()
