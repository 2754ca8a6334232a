"""
The servers compared: how each is started, in which form it takes events, and how what it kept is counted.

Each runs with its own defaults where nothing is said, one worker where it has workers, on the first core. What it is
told otherwise is in its configuration here, with the reason.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.parse
import urllib.request
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks.driving import free_port
from tests.benchmarks.ingest import serve
from tests.support.clickhouse_server import ServerProcess
from trackway_collector.spool import SpoolReader

HERE = Path(__file__).parent
NEWLINE = "\x01"
"""Stands for a newline in a file with one body a line."""


class Server(ABC):
    """
    One server under test.

    Args:
        directory: all its files; empty at the first start.
    """

    name: str
    does: str
    """What has happened when it answers 200; for the table."""
    power_loss: str
    """Whether a 200 outlives a loss of power, by its documentation or its code."""
    path = "/v1/batch"

    def __init__(self, directory: Path, plan: Path) -> None:
        self.directory = directory
        self.plan = plan
        self.port = free_port()
        directory.mkdir(parents=True)

    @classmethod
    @abstractmethod
    def version(cls) -> str:
        """Return its version; raises OSError or CalledProcessError where it is not installed."""

    @abstractmethod
    def command(self) -> list[str]:
        """Write its configuration and return the command that starts it in the foreground."""

    @abstractmethod
    def kept(self) -> int:
        """Return how many events are there after the server was killed, started again where that is needed."""

    def prepare(self) -> None:  # noqa: B027 - most need nothing
        """Make what it needs beside its configuration, once it runs."""

    @staticmethod
    def body(batch: str) -> str:
        """Return a batch in the form it takes."""
        return batch


class Trackway(Server):
    """The ingest worker of this working copy."""

    name = "Trackway"
    does = "checked against the plan, compressed, fsynced"
    power_loss = "yes"

    @classmethod
    def version(cls) -> str:
        return "this working copy"

    def command(self) -> list[str]:
        return [sys.executable, *serve(self.directory / "data", self.port, self.plan)]

    def kept(self) -> int:
        reader, segment, byte, events = SpoolReader(self.directory / "data" / "spool" / "w0"), 0, 0, 0
        while (chunk := reader.read(segment, byte, max_events=100_000)) is not None:
            events += chunk.events
            segment, byte = chunk.segment, chunk.to_byte
        return events


class Nginx(Server):
    """Debian's nginx, told to write each body to a file: what a web server costs that keeps what it is sent."""

    name = "nginx, body to a file"
    does = "the body is in a file of its own, in the system's cache"
    power_loss = "no: it never calls fsync"

    @classmethod
    def version(cls) -> str:
        said = subprocess.run([_nginx(), "-v"], capture_output=True, text=True, check=True).stderr
        return said.strip().removeprefix("nginx version: nginx/")

    def command(self) -> list[str]:
        text = (HERE / "nginx.conf").read_text().format(directory=self.directory, port=self.port)
        configuration = self.directory / "nginx.conf"
        configuration.write_text(text)
        # Started by root, its worker would be `nobody`, who may not write here.
        options = "daemon off;" + (" user root;" if os.geteuid() == 0 else "")
        return [_nginx(), "-p", str(self.directory), "-c", str(configuration), "-g", options]

    def kept(self) -> int:
        files = (path for path in (self.directory / "bodies").rglob("*") if path.is_file())
        return sum(path.read_bytes().count(b'"messageId"') for path in files)


class Logprep(Server):
    """Logprep, a log shipper in Python with an HTTP input; events come as JSON lines and go to a file."""

    name = "Logprep, HTTP to a file"
    does = "each event decoded and put into a queue in memory"
    power_loss = "no"
    path = "/events"

    @classmethod
    def version(cls) -> str:
        said = subprocess.run([_logprep(), "--version"], capture_output=True, text=True, check=True).stdout
        return next(line.split()[-1] for line in said.splitlines() if line.startswith("logprep version"))

    def command(self) -> list[str]:
        text = (HERE / "logprep.yml").read_text().format(directory=self.directory, port=self.port)
        configuration = self.directory / "logprep.yml"
        configuration.write_text(text)
        return [_logprep(), "run", str(configuration)]

    def kept(self) -> int:
        output = self.directory / "events.jsonl"
        return output.read_bytes().count(b"\n") if output.exists() else 0

    @staticmethod
    def body(batch: str) -> str:
        return _lines(batch)


class ClickHouse(Server):
    """
    ClickHouse itself, events as JSONEachRow: the way without a collector.

    The registries have it as a library, which takes no asynchronous inserts: each request is an insert of its own.
    """

    name = "ClickHouse, INSERT"
    does = "parsed, typed and written as a part, in the system's cache"
    power_loss = "no: `fsync_after_insert` is off by default"

    def __init__(self, directory: Path, plan: Path) -> None:
        super().__init__(directory, plan)
        self.server = ServerProcess(directory / "server", http_port=self.port)
        query = "INSERT INTO bench_events FORMAT JSONEachRow"
        parameters = {
            "user": "trackway", "password": self.server.password, "query": query,
            "input_format_skip_unknown_fields": 1, "date_time_input_format": "best_effort",
        }  # fmt: skip
        self.path = "/?" + urllib.parse.urlencode(parameters)

    @classmethod
    def version(cls) -> str:
        from tests.support.clickhouse_server import NPM_VERSION

        return NPM_VERSION

    def command(self) -> list[str]:
        from tests.support.clickhouse_server import fetch_library, write_configuration

        library = fetch_library()
        self.server.directory.mkdir(parents=True, exist_ok=True)
        write_configuration(self.server)
        program = str(sys.modules[ServerProcess.__module__].__file__)
        command = [sys.executable, program, "--serve", str(library), "--directory", str(self.server.directory)]
        return [*command, "--http-port", str(self.port), "--tcp-port", str(self.server.tcp_port)]

    def prepare(self) -> None:
        self._ask((HERE / "bench_events.sql").read_text())

    def kept(self) -> int:
        with self.server:
            return int(self._ask("SELECT count() FROM bench_events"))

    def _ask(self, sql: str) -> str:
        query = urllib.parse.urlencode({"user": "trackway", "password": self.server.password})
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/?{query}", sql.encode())
        with urllib.request.urlopen(request, timeout=60) as response:
            return str(response.read().decode())

    @staticmethod
    def body(batch: str) -> str:
        return _lines(batch)


SERVERS: Sequence[type[Server]] = (Trackway, Nginx, Logprep, ClickHouse)


def _lines(batch: str) -> str:
    return NEWLINE.join(json.dumps(event, separators=(",", ":")) for event in json.loads(batch)["batch"])


def _nginx() -> str:
    return "/usr/sbin/nginx"


def _logprep() -> str:
    from tests.benchmarks.collectors.environment import program

    return str(program("logprep"))
