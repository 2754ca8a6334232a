"""Drives each server with the same events, one after the other on the same core; kills each and counts what it kept."""

from __future__ import annotations

import http.client
import statistics
import subprocess
import tempfile
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.collectors.servers import NEWLINE, SERVERS, Server
from tests.benchmarks.driving import AUTHORIZATION, Load, drive, kill, running
from tests.benchmarks.ingest_payload import EVENTS, ID_MARK, body, release

SIZES = (100, 1)
"""Events a request."""
KILLED_REQUESTS = 200


@dataclass(frozen=True)
class Result:
    """What became of one server."""

    server: type[Server]
    version: str
    loads: dict[int, Load]
    """Events a request → the median run."""
    killed: tuple[int, int] | None = None
    """Events answered 200 before SIGKILL, and events that were there afterwards."""
    missing: str | None = None
    """Why it could not be run here."""


def compare(seconds: int, rounds: int, servers: Sequence[type[Server]] = SERVERS) -> list[Result]:
    """Return the results; the rounds go through all servers in turn, so that a busy minute touches each of them."""
    with tempfile.TemporaryDirectory() as tmp:
        directory = Path(tmp)
        frozen = release(directory / "plan")
        plan = directory / "0001.json"
        plan.write_bytes(frozen.to_json())
        there: dict[type[Server], str] = {}
        results = []
        for server in servers:
            try:
                there[server] = server.version()
            except (OSError, subprocess.CalledProcessError, RuntimeError) as error:
                results.append(Result(server, "", {}, missing=str(error)))
        loads: dict[tuple[type[Server], int], list[Load]] = {}
        for number in range(rounds):
            for events in SIZES:
                for server in there:
                    home = directory / f"{server.__name__}-{events}-{number}"
                    bodies = _bodies(directory, server, events, frozen.hash)
                    loads.setdefault((server, events), []).append(_drive(server(home, plan), bodies, events, seconds))
        for server, version in there.items():
            medians = {events: _median(loads[server, events]) for events in SIZES}
            killed = _killed(server(directory / f"{server.__name__}-killed", plan), frozen.hash)
            results.append(Result(server, version, medians, killed))
    return sorted(results, key=lambda result: servers.index(result.server))


def _bodies(directory: Path, server: type[Server], events: int, plan_hash: str) -> Path:
    path = directory / f"bodies-{server.__name__}-{events}"
    if not path.exists():
        path.write_text("\n".join(server.body(body(number, events, plan_hash)) for number in range(EVENTS)) + "\n")
    return path


def _drive(server: Server, bodies: Path, events: int, seconds: int) -> Load:
    with running(server.command(), port=server.port, cores={0}, directory=server.directory) as pid:
        server.prepare()
        drive(server.port, pid, bodies, events, 1, server.path)  # until it is warm
        return drive(server.port, pid, bodies, events, seconds, server.path)


def _killed(server: Server, plan_hash: str) -> tuple[int, int]:
    """Send requests one after the other, kill the server as the last one is answered, and count."""
    pieces = server.body(body(0, 100, plan_hash)).replace(NEWLINE, "\n").split(ID_MARK)
    acked = 0
    with running(server.command(), port=server.port, cores={0}, directory=server.directory) as pid:
        server.prepare()
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        for _ in range(KILLED_REQUESTS):
            text = pieces[0] + "".join(f"{uuid.uuid4()}{piece}" for piece in pieces[1:])
            connection.request("POST", server.path, text.encode(), {"Authorization": AUTHORIZATION})
            answer = connection.getresponse()
            answer.read()
            acked += 100 if answer.status == http.HTTPStatus.OK else 0
        kill(pid)
        return acked, server.kept()


def _median(loads: list[Load]) -> Load:
    middle = statistics.median_low(load.events_per_s for load in loads)
    return next(load for load in loads if load.events_per_s == middle)
