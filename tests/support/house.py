"""A whole Trackway in processes of its own: `trackway up`, to be used, killed and started again by tests."""

from __future__ import annotations

import base64
import contextlib
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil

from trackway_collector.warehouse import Warehouse, WarehouseError, open_warehouse
from trackway_collector.warehouse.store_file import StoreFile

ROOT = Path(__file__).parents[2]
KEY = "house-key"
SOURCE = "web"
START_S = 60


class House:
    """
    One data directory and the processes that serve it.

    Args:
        directory: empty, or what an earlier house left.
        options: more arguments of `trackway up`.
        environment: variables for its processes.
        packages: folders that its processes import from before all others.
        cwd: where it is started, and so where it looks for trackway.toml; by default where the tests run.
    """

    def __init__(
        self,
        directory: Path,
        *options: str,
        environment: Mapping[str, str] | None = None,
        packages: Iterable[Path] = (),
        cwd: Path | None = None,
    ) -> None:
        self.directory = directory
        self.cwd = cwd
        self.options = options
        self._environment = environment_of_processes(packages) | dict(environment or {})
        self.port, self.console_port, self.query_port = (free_port() for _ in range(3))
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where the collector listens."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def spool_dir(self) -> Path:
        """Where its spools are."""
        return self.directory / "spool"

    def start(self) -> None:
        """Start `trackway up` in a process group of its own and wait until it accepts events."""
        command = [sys.executable, "-m", "trackway", "up", "--data-dir", str(self.directory)]
        for name in ("port", "console_port", "query_port"):
            command += [f"--{name.replace('_', '-')}", str(getattr(self, name))]
        command += ["--write-key", f"{SOURCE}={KEY}", *self.options]
        log = (self.directory.parent / f"{self.directory.name}.log").open("ab")
        self._process = subprocess.Popen(
            command,
            stdout=log,
            stderr=log,
            start_new_session=True,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            cwd=self.cwd,
        )
        wait_for(lambda: self.get("/ready")[0] == 200, START_S, "the collector accepts events")

    def kill(self, *names: str) -> None:
        """Kill -9 the whole group at once, or only its processes named `ingest`, `store`, `w1` and so on."""
        assert self._process is not None
        if not names:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            return
        for child in psutil.Process(self._process.pid).children():
            with contextlib.suppress(psutil.NoSuchProcess):
                if set(names) & set(child.cmdline()):
                    child.kill()

    def processes(self) -> list[psutil.Process]:
        """Return the processes below `trackway up`."""
        assert self._process is not None
        with contextlib.suppress(psutil.NoSuchProcess):
            return psutil.Process(self._process.pid).children(recursive=True)
        return []

    def stop(self) -> int:
        """Ask it to stop, as a service manager would, and return the exit status."""
        if self._process is None:
            return 0
        self._process.terminate()
        status = self._process.wait(60)
        self._process = None
        return status

    def get(self, path: str, port: int | None = None) -> tuple[int, str]:
        """Return status and text of a page; status 0 when nobody answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port or self.port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def post(
        self, events: list[dict[str, Any]], timeout_s: float = 10, path: str = "/v1/batch"
    ) -> tuple[int, dict[str, Any], dict[str, str]]:
        """Post a batch; return status, answer and headers. Raises OSError when no answer came."""
        authorization = "Basic " + base64.b64encode(f"{KEY}:".encode()).decode()
        body = json.dumps({"batch": events}).encode()
        request = urllib.request.Request(f"{self.url}{path}", body, {"Authorization": authorization})
        try:
            with urllib.request.urlopen(request, timeout=timeout_s) as answer:
                return answer.status, json.load(answer), dict(answer.headers)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error), dict(error.headers)

    @contextlib.contextmanager
    def warehouse(self) -> Iterator[Warehouse]:
        """
        The warehouse as another process sees it.

        Raises:
            ConnectionError: the store process is not up; this process must not open its engine in its place.
        """
        url = next((b for a, b in itertools.pairwise(self.options) if a == "--warehouse"), None)
        if url is None and StoreFile.read_running(self.directory / "store.json") is None:
            raise ConnectionError(self.directory)
        opened = open_warehouse(url or f"chdb://{self.directory / 'chdb'}")
        try:
            yield opened
        finally:
            opened.close()

    def value(self, sql: str) -> Any:
        """Return the one value of a query; None while the warehouse cannot be asked."""
        try:
            with self.warehouse() as opened:
                return opened.query(sql).one()
        except (WarehouseError, OSError):
            return None


@contextlib.contextmanager
def open_house(
    directory: Path,
    *options: str,
    environment: Mapping[str, str] | None = None,
    packages: Iterable[Path] = (),
    cwd: Path | None = None,
) -> Iterator[House]:
    """A house that runs, and is gone afterwards whatever happened."""
    house = House(directory, *options, environment=environment, packages=packages, cwd=cwd)
    try:
        house.start()
        yield house
    finally:
        with contextlib.suppress(ProcessLookupError, AssertionError):
            house.kill()


def environment() -> dict[str, str]:
    """The environment in which a process of this checkout finds its packages."""
    return environment_of_processes(())


def environment_of_processes(first: Iterable[Path]) -> dict[str, str]:
    """The same, with folders that come before all others."""
    folders = (ROOT / name for name in ("sdk", "tracking_plan", "collector", "analytics"))
    return os.environ | {"PYTHONPATH": os.pathsep.join(map(str, (*first, *folders)))}


def free_port() -> int:
    """Return a port that nobody listens on at the moment."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return int(server.getsockname()[1])


def wait_for(truth: Callable[[], bool], seconds: float, what: str) -> None:
    """Return when it is true; fail when it has not become so in time."""
    end = time.monotonic() + seconds
    while not truth():
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.05)
