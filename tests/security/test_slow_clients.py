"""Clients that take their time on purpose: they are sent away, and nobody else waits for them."""

from __future__ import annotations

import contextlib
import socket
import threading
import time

import pytest

from tests.security.conftest import MOST_CONNECTIONS, TIMEOUT_S
from tests.support.nginx import Nginx
from tests.support.served import ServedCollector
from tests.support.wire import Address, answers, batch, exchange, post, receive

PATIENCE_S = TIMEOUT_S * 6
"""Longer than any of the limits; a connection that lives so long was not ended by one."""

WHOLE = post(batch("slow"), close=False)
HEAD, BODY = WHOLE[: WHOLE.index(b"\r\n\r\n") + 4], WHOLE[WHOLE.index(b"\r\n\r\n") + 4 :]
BIT_BY_BIT = {
    "nothing at all": (b"", b""),
    "the head": (b"", HEAD),
    "the body": (HEAD, BODY),
    "the chunks": (HEAD.replace(b"Content-Length", b"Transfer-Encoding: chunked\r\nX-Length"), b"1\r\n{\r\n" * 1000),
}


@pytest.mark.parametrize(
    ("where", "name"),
    [*(("direct", name) for name in BIT_BY_BIT), ("nginx", "nothing at all"), ("nginx", "the head")],
    indirect=["where"],
)
def test_who_sends_bit_by_bit_is_sent_away(where: Address, name: str) -> None:
    """Head, body or chunks, a byte at a time: the connection ends in time, with a reason in JSON or none."""
    at_once, slowly = BIT_BY_BIT[name]
    with where.connection(PATIENCE_S) as wire:
        wire.sendall(at_once)
        dripping = threading.Thread(target=_drip, args=(wire, slowly))
        dripping.start()

        received = receive(wire)

        for answer in answers(received):
            assert answer.status == 408
            assert answer.json["code"] == "request_timeout"
        assert _has_ended(wire)
    dripping.join()


@pytest.mark.parametrize("name", ["the body", "the chunks"])
def test_behind_nginx_a_slow_body_costs_the_collector_nothing(
    collector: ServedCollector, nginx: Nginx, name: str
) -> None:
    """nginx lets a body come in small pieces for as long as it comes, and opens no connection for it meanwhile."""
    at_once, slowly = BIT_BY_BIT[name]
    with contextlib.ExitStack() as stack:
        for _ in range(2 * MOST_CONNECTIONS):
            stack.enter_context(nginx.tls.connection()).sendall(at_once + slowly[:5])

        assert _is_served(nginx.tls, "beside-slow-bodies")
        assert collector.connections() < 10


def test_who_does_not_read_his_answers_is_sent_away(collector: ServedCollector) -> None:
    """A client that asks and asks and reads nothing loses its connection, and what the answers took in memory."""
    before = collector.memory_bytes()
    with socket.socket() as wire:
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        wire.settimeout(PATIENCE_S)
        wire.connect(("127.0.0.1", collector.port))
        with pytest.raises((ConnectionResetError, BrokenPipeError)):  # noqa: PT012
            while True:
                wire.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n" * 100)

    assert _is_served(collector.address, "after-the-deaf-one")
    assert collector.memory_bytes() < before + 50_000_000


def test_slow_connections_cannot_keep_others_out(collector: ServedCollector) -> None:
    """
    Several times as many half requests as there may be connections: everybody who has a whole request is served.

    The newest connection always gets in; the one that has finished no request for longest makes room.
    """
    with contextlib.ExitStack() as stack:
        slow = []
        for number in range(3 * MOST_CONNECTIONS):
            wire = stack.enter_context(collector.address.connection(PATIENCE_S))
            wire.sendall(HEAD + BODY[:5])
            slow.append(wire)
            if number % 20 == 0:
                assert _is_served(collector.address, f"among-slow-ones-{number}")

        assert _is_served(collector.address, "beside-all-the-slow-ones")
        open_ones = [wire for wire in slow[:MOST_CONNECTIONS] if not _has_ended(wire)]
        assert not open_ones


def test_who_sends_on_one_connection_keeps_it(collector: ServedCollector) -> None:
    """While others fill the worker's connections, one that goes on finishing requests is never the one that goes."""
    request = post(batch("steady"), close=False)
    with contextlib.ExitStack() as stack:
        steady = stack.enter_context(collector.address.connection())
        for _ in range(2 * MOST_CONNECTIONS):
            stack.enter_context(collector.address.connection()).sendall(HEAD)
            steady.sendall(request)
            (answer,) = answers(steady.recv(65536))
            assert answer.status == 200


def test_an_idle_connection_is_closed_without_a_word(collector: ServedCollector) -> None:
    """A client that keeps a connection for later finds it closed, not answered: there was no request to answer."""
    with collector.address.connection(PATIENCE_S) as wire:
        wire.sendall(post(batch("idle"), close=False))
        assert [200] == [answer.status for answer in answers(receive(wire))]
        assert _has_ended(wire)


def _drip(wire: socket.socket, text: bytes) -> None:
    with contextlib.suppress(OSError):
        for byte in text:
            wire.sendall(bytes([byte]))
            time.sleep(0.2)


def _has_ended(wire: socket.socket) -> bool:
    try:
        wire.settimeout(1)
        while wire.recv(65536):
            continue
    except TimeoutError:
        return False
    except OSError:
        return True
    return True


def _is_served(where: Address, name: str) -> bool:
    (answer,) = exchange(where, post(batch(name)))
    return answer.status == 200
