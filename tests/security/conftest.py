"""A real collector process, alone and behind a real nginx with TLS."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.nginx import Nginx
from tests.support.served import ServedCollector
from tests.support.wire import Address

TIMEOUT_S = 3
MOST_CONNECTIONS = 60


@pytest.fixture(scope="module")
def collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedCollector]:
    """A collector that is short of patience and of room, so that both can be tried."""
    variables = {
        "TRACKWAY_CONNECTION_TIMEOUT_S": str(TIMEOUT_S),
        "TRACKWAY_MAX_CONNECTIONS": str(MOST_CONNECTIONS),
    }
    served = ServedCollector(tmp_path_factory.mktemp("attacked") / "data", variables)
    served.start()
    yield served
    served.stop()


@pytest.fixture(scope="module")
def nginx(collector: ServedCollector, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    """The nginx of collector/deploy before that collector, just as impatient."""
    replaced = {
        "client_header_timeout 10s": f"client_header_timeout {TIMEOUT_S}s",
        "client_body_timeout 10s": f"client_body_timeout {TIMEOUT_S}s",
    }
    front = Nginx(tmp_path_factory.mktemp("nginx"), collector.port, replaced)
    front.start()
    yield front
    front.stop()


@pytest.fixture(params=["direct", "nginx"])
def where(request: pytest.FixtureRequest, collector: ServedCollector) -> Address:
    """Where the attacker sends: to the collector itself, and to nginx over TLS."""
    if request.param == "direct":
        return collector.address
    front: Nginx = request.getfixturevalue("nginx")
    return front.tls
