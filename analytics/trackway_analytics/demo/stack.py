"""
`trackway up` in a process of its own: started, killed with SIGKILL like a power cut, started again, stopped.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import trackway_plan
from trackway_collector.warehouse.store_file import FILE_NAME as STORE_FILE
from trackway_collector.warehouse.store_file import StoreFile

MARKER = ".trackway-demo"
READY_WITHIN_S = 60.0
STOP_WITHIN_S = 30.0
DEFAULT_PORTS = {"port": 8077, "console-port": 8078, "query-port": 8079}


class StackError(Exception):
    """
    The collector did not start, or the data directory is not ours to empty; the message says how to mend it.
    """


def plan_directory() -> Path:
    """Return the demo's tracking plan: inside the package when installed, beside it in a checkout."""
    package = Path(trackway_plan.__file__).parent
    for candidate in (package / "examples" / "demo", package.parent / "examples" / "demo"):
        if candidate.is_dir():
            return candidate
    message = (
        f"The demo's tracking plan is missing: there is no examples/demo in or beside {package}.\n"
        "  Install Trackway again."
    )
    raise StackError(message)


def empty_data_directory(directory: Path) -> None:
    """
    Make `directory` an empty data directory of the demo.

    Raises:
        StackError: there is something in it that no demo put there, or a demo is still running on it.
    """
    running = StoreFile.read_running(directory / STORE_FILE)
    if running:
        message = (
            f"A demo is running on {directory} already (its store is process {running.pid}).\n"
            "  Stop it, or give this one another directory with --data-dir."
        )
        raise StackError(message)
    if directory.exists() and any(directory.iterdir()):
        if not (directory / MARKER).exists():
            message = (
                f"{directory} is not empty, and it is not from an earlier demo.\n"
                "  The demo empties its directory at each start: give it another one with --data-dir."
            )
            raise StackError(message)
        shutil.rmtree(directory)
    directory.mkdir(parents=True, exist_ok=True)
    (directory / MARKER).touch()


def choose_ports(wanted: Mapping[str, int | None]) -> dict[str, int]:
    """
    Return a free port for each name: the one asked for, else the default, else whichever the system gives.
    """
    chosen: dict[str, int] = {}
    for name, port in wanted.items():
        if port is not None and not _is_free(port):
            message = f"Port {port} is taken.\n  Give --{name} another port, or leave it out."
            raise StackError(message)
        default = DEFAULT_PORTS[name]
        chosen[name] = port or (default if _is_free(default) else _any_port(set(chosen.values())))
    return chosen


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As servers do: a port whose last connections are still fading away can be listened on.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _any_port(taken: set[int]) -> int:
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        if port not in taken:
            return port


class Stack:
    """A collector, store and console on this machine, with one write key per source."""

    def __init__(self, data_dir: Path, sources: tuple[str, ...], ports: Mapping[str, int]) -> None:
        self.data_dir = data_dir.absolute()
        self.keys = {source: secrets.token_hex(16) for source in sources}
        self.kills = 0
        self._ports = dict(ports)
        self._process: subprocess.Popen[bytes] | None = None
        self._log_path = self.data_dir / "demo.log"

    @property
    def host(self) -> str:
        """Where the collector takes events."""
        return f"http://127.0.0.1:{self._ports['port']}"

    @property
    def warehouse_url(self) -> str:
        """What any process on this machine gives to `connect` or `open_warehouse`."""
        return f"chdb:///{str(self.data_dir / 'chdb').lstrip('/')}"

    def store(self) -> StoreFile:
        """
        Return what the store process says of itself, once it answers queries.

        Before that, `open_warehouse` would find no store process and open the engine here, which shuts out
        the store.

        Raises:
            StackError: it does not answer; the end of the log says why.
        """
        deadline = time.monotonic() + READY_WITHIN_S
        while time.monotonic() < deadline:
            found = StoreFile.read_running(self.data_dir / STORE_FILE)
            if found and _listens(found.query_port):
                return found
            time.sleep(0.05)
        what = f"The store did not answer within {READY_WITHIN_S:.0f} s."
        raise self._failed(what)

    def start(self) -> None:
        """
        Start `trackway up` and return when it accepts events; raises StackError with the end of its log.
        """
        command = [sys.executable, "-m", "trackway", "up", "--data-dir", str(self.data_dir)]
        for name, port in self._ports.items():
            command += [f"--{name}", str(port)]
        # Said in full: no trackway.toml and no variable may lead the demo's events to a real warehouse.
        command += ["--listen", "127.0.0.1", "--warehouse", self.warehouse_url, "--plan", str(plan_directory())]
        for source, key in self.keys.items():
            command += ["--write-key", f"{source}={key}"]
        with self._log_path.open("ab") as log:
            self._process = self._spawn(command, log)
        self._wait_ready(self._process)

    def kill(self) -> None:
        """End every process of the stack at once with SIGKILL: no handler runs, no buffer is flushed."""
        process = self._running()
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        self._process = None
        self.kills += 1

    def stop(self) -> None:
        """Ask the stack to end, and wait for it; what does not end in time is killed. Twice is fine."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            pass
        finally:
            # Workers that outlived their parent are in the same group.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def wait(self) -> int:
        """Wait until the stack ends by itself, and return its exit code."""
        return self._running().wait()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            message = "The collector is not running."
            raise StackError(message)
        return self._process

    def _spawn(self, command: list[str], log: IO[bytes]) -> subprocess.Popen[bytes]:
        # A session of its own: Ctrl-C in the terminal reaches the demo, which then stops the stack in order.
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)

    def _wait_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + READY_WITHIN_S
        while time.monotonic() < deadline:
            if process.poll() is not None:
                what = f"The collector ended with exit code {process.returncode}."
                raise self._failed(what)
            if _answers(f"{self.host}/ready"):
                return
            time.sleep(0.05)
        what = f"The collector was not ready within {READY_WITHIN_S:.0f} s."
        raise self._failed(what)

    def _failed(self, what: str) -> StackError:
        lines = self._log_path.read_text(encoding="utf-8", errors="replace").splitlines()
        end = "\n".join(f"  {line}" for line in lines[-20:])
        return StackError(f"{what} Its log, {self._log_path}, ends:\n{end}")


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1) as response:  # noqa: S310
            return bool(response.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
