"""The ports of a running Trackway that are not for the world: console, query port and metrics."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.house import House, open_house, wait_for
from tests.support.wire import Address, Answer, exchange


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """`trackway up`, as a process."""
    with open_house(tmp_path_factory.mktemp("private") / "data") as opened:
        yield opened


@pytest.fixture(scope="module")
def token(house: House) -> str:
    """What the data directory's owner can read."""
    file = house.directory / "store.json"
    wait_for(file.exists, 60, "the store answers")
    store: dict[str, str] = json.loads(file.read_text("utf-8"))
    return store["token"]


def get(port: int, path: str, *lines: str, host: str = "127.0.0.1") -> Answer:
    """Ask for a page with these header lines, by HTTP/1.0, so that the answer comes in one piece."""
    head = [f"GET {path} HTTP/1.0", f"Host: {host}", "Connection: close", *lines, "", ""]
    (answer,) = exchange(Address(port), "\r\n".join(head).encode())
    return answer


PRIVATE = [("console_port", "/"), ("console_port", "/api/live"), ("query_port", "/?query=SELECT+1")]


@pytest.mark.parametrize(("port", "path"), PRIVATE)
def test_loopback_is_no_token(house: House, token: str, port: str, path: str) -> None:
    """Nobody is let in for coming from this machine, or for what a header says of him; the right token lets in."""
    number = getattr(house, port)
    for lines in ((), ("X-Forwarded-For: 127.0.0.1",), ("Authorization: Bearer nonsense",), ("Cookie: token=x",)):
        assert get(number, path, *lines).status == 401
    assert get(number, path, f"Authorization: Bearer {token}").status == 200


@pytest.mark.parametrize(("port", "path"), PRIVATE)
@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "169.254.169.254"])
def test_a_rebound_name_is_refused_even_with_the_token(
    house: House, token: str, port: str, path: str, host: str
) -> None:
    """A page that has its own name point to this machine says that name, and gets nothing."""
    answer = get(getattr(house, port), path, f"Authorization: Bearer {token}", host=host)
    assert answer.status == 403


@pytest.mark.parametrize(("port", "path"), PRIVATE)
@pytest.mark.parametrize("origin", ["https://evil.example", "http://127.0.0.1:1", "null", "http://localhost"])
def test_another_sites_page_is_refused_even_with_the_token(
    house: House, token: str, port: str, path: str, origin: str
) -> None:
    """A page of another origin cannot ask, and a page without one neither; another port is another origin."""
    answer = get(getattr(house, port), path, f"Authorization: Bearer {token}", f"Origin: {origin}")
    assert answer.status == 403
    assert "access-control-allow-origin" not in answer.headers


def test_metrics_without_a_token_are_for_this_machine(house: House) -> None:
    """A foreign name, or any sign of a proxy, and there are none; a plain request of this machine gets them."""
    assert get(house.port, "/metrics").status == 200
    for line in ("X-Forwarded-For: 10.1.2.3", "Forwarded: for=10.1.2.3", "Via: 1.1 proxy", "X-Real-IP: 10.1.2.3"):
        assert get(house.port, "/metrics", line).status == 403
    answer = get(house.port, "/metrics", host="events.example.com")
    assert (answer.status, answer.json["code"]) == (403, "metrics_token")


def test_metrics_with_a_token_want_it_of_everybody(tmp_path: Path) -> None:
    """Where a metrics_token is set, this machine needs it, too."""
    from tests.support.served import ServedCollector

    collector = ServedCollector(tmp_path / "data", {"TRACKWAY_METRICS_TOKEN": "right"})
    collector.start()
    try:
        for lines in ((), ("Authorization: Bearer wrong",), ("Authorization: Basic cmlnaHQ6",)):
            answer = get(collector.port, "/metrics", *lines)
            assert (answer.status, answer.json["code"]) == (401, "metrics_token")
        assert get(collector.port, "/metrics", "Authorization: Bearer right", host="events.example.com").status == 200
    finally:
        collector.stop()
