"""`trackway collector serve` as a process of its own, to be attacked, signalled and looked at by tests."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import psutil

from tests.support.house import environment, free_port, wait_for
from tests.support.wire import KEY, Address
from trackway_collector.spool import SpoolReader


class ServedCollector:
    """
    One collector over a data directory; nothing loads what it spools.

    Args:
        directory: the data directory.
        variables: further environment variables, `TRACKWAY_…`.
        options: further arguments of `trackway collector serve`.
    """

    def __init__(self, directory: Path, variables: dict[str, str] | None = None, *options: str) -> None:
        self.directory = directory
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self._variables = variables or {}
        self._options = options

    @property
    def address(self) -> Address:
        """Where it listens."""
        return Address(self.port)

    @property
    def log_file(self) -> Path:
        """Where what it says on its standard output and error is kept."""
        return self.directory.parent / f"{self.directory.name}-served.log"

    def start(self) -> None:
        """Start it and wait until it accepts events."""
        command = [sys.executable, "-m", "trackway", "collector", "serve", "--data-dir", str(self.directory)]
        command += ["--port", str(self.port), "--write-key", f"web={KEY}", *self._options]
        variables = {name: text for name, text in environment().items() if not name.startswith("TRACKWAY_")}
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                command, env=variables | self._variables, stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
        wait_for(lambda: self.get("/ready")[0] == 200, 60, f"the collector accepts events; its log is {self.log_file}")

    def stop(self) -> int:
        """Ask it to stop and return its exit status."""
        if self.process is None:
            return 0
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(60)
        self.process = None
        return status

    def get(self, path: str, **headers: str) -> tuple[int, str]:
        """Return status and text of a page; status 0 when nobody answers."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def log(self) -> str:
        """Everything that it has said."""
        return self.log_file.read_text("utf-8", "replace")

    def memory_bytes(self) -> int:
        """Resident memory of the process and its children."""
        assert self.process is not None
        top = psutil.Process(self.process.pid)
        return sum(process.memory_info().rss for process in (top, *top.children(recursive=True)))

    def connections(self) -> int:
        """How many connections to clients it has open."""
        assert self.process is not None
        found = psutil.Process(self.process.pid).net_connections("tcp")
        return sum(one.status == psutil.CONN_ESTABLISHED and one.laddr.port == self.port for one in found)

    def spooled_ids(self) -> list[str]:
        """The message ids of everything that was answered 200, of all its spools."""
        ids = []
        for spool in sorted(self.directory.glob("spool/*")):
            reader = SpoolReader(spool)
            segment = byte = 0
            while (chunk := reader.read(segment, byte, max_events=10_000)) is not None:
                for block in chunk.blocks:
                    for record, body in block.records():
                        ids += [_id(event) for event in _events(bytes(body), single=bool(record.call))]
                segment, byte = chunk.segment, chunk.to_byte
        return ids


def _events(body: bytes, *, single: bool) -> list[Any]:
    decoded = json.loads(body)
    return [decoded] if single else decoded["batch"]


def _id(event: Any) -> str:
    return str(event.get("messageId")) if isinstance(event, dict) else "(no event)"
