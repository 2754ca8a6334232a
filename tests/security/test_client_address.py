"""Behind nginx: whose address an event is stored with, whatever its sender claims."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator

import pytest

from tests.support.nginx import Nginx
from tests.support.served import ServedCollector
from tests.support.wire import Address, _tls, answers, batch, post, receive
from trackway_collector.spool import SpoolReader

CLIENT = "127.0.0.2"
"""Another address of this machine, which nobody has named a proxy."""
CLAIMS = (
    b"X-Forwarded-For: 203.0.113.9",
    b"X-Forwarded-For: 203.0.113.9, 127.0.0.1",
    b"X-Real-IP: 203.0.113.9",
    b"Forwarded: for=203.0.113.9",
)


@pytest.fixture(scope="module")
def collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedCollector]:
    """A collector that believes nginx, as trackway.toml of the example does, and keeps addresses whole."""
    policy = {"web": {"kind": "client", "privacy": {"ip": "keep"}}}
    variables = {"TRACKWAY_TRUSTED_PROXIES": "127.0.0.1", "TRACKWAY_SOURCES": json.dumps(policy)}
    served = ServedCollector(tmp_path_factory.mktemp("addresses") / "data", variables)
    served.start()
    yield served
    served.stop()


@pytest.fixture(scope="module")
def nginx(collector: ServedCollector, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    """nginx before it."""
    front = Nginx(tmp_path_factory.mktemp("nginx"), collector.port)
    front.start()
    yield front
    front.stop()


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.decode())
def test_a_claimed_address_is_not_believed(collector: ServedCollector, nginx: Nginx, claim: bytes) -> None:
    """Through nginx and past it: the address is the one that the connection came from, not the one in a header."""
    for where in (nginx.tls, collector.address):
        name = f"{claim.decode()} at {where.port}"
        assert send(where, CLIENT, post(batch(name), claim)) == 200
        assert address_of(collector, name) == CLIENT


def test_nginx_says_whom_it_speaks_for(collector: ServedCollector, nginx: Nginx) -> None:
    """Without any claim, too: not nginx's own address is stored, but the client's."""
    assert send(nginx.tls, CLIENT, post(batch("no-claim"))) == 200
    assert address_of(collector, "no-claim") == CLIENT


def test_who_is_a_trusted_proxy_is_believed(collector: ServedCollector) -> None:
    """That is why the collector's own port must be out of reach for everybody but the proxy."""
    assert send(collector.address, "127.0.0.1", post(batch("of-a-proxy"), CLAIMS[0])) == 200
    assert address_of(collector, "of-a-proxy") == "203.0.113.9"


def send(where: Address, source: str, request: bytes) -> int:
    """Send a request from one of this machine's addresses; return the answer's status."""
    with socket.create_connection(("127.0.0.1", where.port), 10, source_address=(source, 0)) as plain:
        wire = _tls().wrap_socket(plain, server_hostname="localhost") if where.tls else plain
        wire.sendall(request)
        (answer,) = answers(receive(wire))
        return answer.status


def address_of(collector: ServedCollector, name: str) -> str | None:
    """Return the address that was spooled with the event of this id."""
    for spool in collector.directory.glob("spool/*"):
        reader = SpoolReader(spool)
        segment = byte = 0
        while (chunk := reader.read(segment, byte, max_events=10_000)) is not None:
            for block in chunk.blocks:
                for record, body in block.records():
                    if json.dumps(name).encode() in bytes(body):
                        return record.client.ip if record.client else None
            segment, byte = chunk.segment, chunk.to_byte
    return None
