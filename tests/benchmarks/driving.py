"""Drives one HTTP server with wrk from the other core, and measures what the server's processes spend."""

from __future__ import annotations

import base64
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.ingest_payload import ID_MARK, WRITE_KEY

HERE = Path(__file__).parent
CONNECTIONS = 64
AUTHORIZATION = "Basic " + base64.b64encode(f"{WRITE_KEY}:".encode()).decode()
START_S = 60.0


@dataclass(frozen=True)
class Load:
    """What wrk saw of one server, and what that cost the server."""

    events_per_s: float
    p50_ms: float
    p99_ms: float
    errors: int
    cpu_us_per_event: float


@contextmanager
def running(command: Sequence[str], *, port: int, cores: set[int], directory: Path) -> Iterator[int]:
    """Run a server on some cores until the block ends, then remove its directory; yields its process id."""
    process = subprocess.Popen(
        command,
        preexec_fn=lambda: os.sched_setaffinity(0, cores),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        wait_until_up(port, process)
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            kill(process.pid)
            process.wait()
        shutil.rmtree(directory, ignore_errors=True)


def drive(port: int, pid: int, bodies: Path, events: int, seconds: int, path: str = "/v1/batch") -> Load:
    """
    Send the bodies one after the other over 64 connections, each as soon as the one before is answered.

    Args:
        pid: the server's process; those it started are counted with it.
        bodies: a file with one body a line, message ids to be filled in; `\\x01` stands for a newline.
        events: how many events each body holds.
    """
    before = cpu_s(pid)
    command = ["taskset", "-c", "1", "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "10s", "-s"]
    command += [str(HERE / "ingest.lua"), f"http://127.0.0.1:{port}", "--", str(bodies), ID_MARK, AUTHORIZATION, path]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    spent = cpu_s(pid) - before
    result = next(line for line in output.splitlines() if line.startswith("RESULT")).split()
    requests, duration_us, errors, p50_us, p99_us = (float(value) for value in result[1:])
    done = (requests - errors) * events
    return Load(done / duration_us * 1e6, p50_us / 1e3, p99_us / 1e3, int(errors), spent / max(done, 1) * 1e6)


def family(pid: int) -> list[int]:
    """Return the process and all that it and its children started."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended meanwhile
        children.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found = [pid]
    for one in found:
        found += children.get(one, [])
    return found


def cpu_s(pid: int) -> float:
    """Return the user and system time of a process and its children, seconds."""
    ticks = 0
    for one in family(pid):
        fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def resident_mib(pid: int) -> float:
    """Return the resident memory of a process, MiB."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def kill(pid: int) -> None:
    """End a server as a power cut would, its children with it."""
    for one in family(pid):
        os.kill(one, signal.SIGKILL)


def free_port() -> int:
    """Return a port that nobody listens on at the moment."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return int(server.getsockname()[1])


def wait_until_up(port: int, process: subprocess.Popen[bytes]) -> None:
    """Return when something answers HTTP on the port, whatever it answers."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            message = f"the server died: {process.stderr.read().decode() if process.stderr else ''}"
            raise RuntimeError(message)
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/live", timeout=1)
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.05)
        else:
            return
    message = f"the server did not come up in {START_S:g} s"
    raise RuntimeError(message)
