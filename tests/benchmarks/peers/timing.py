"""
Times every client in a process of its own, all in one run: their rounds take turns, so that what else the machine does
meets all of them alike. While one is timed the others wait in a read.
"""

from __future__ import annotations

import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from tests.benchmarks.peers.environment import ROOT, variables

ROUNDS = 7
BURST = 5000
SENT = 10_000
PILED_UP = 9000
"""Events that wait for a collector that is away; the queues of the others hold 10,000."""
IDLE_S = 5.0
IMPORTS = 15
BLOCKING = frozenset({"snowplow", "mixpanel"})
"""These send on the caller's thread, a request for each event or each ten: they get a tenth of the calls."""
MODULES = {
    "trackway": "trackway",
    "segment": "segment.analytics",
    "rudder": "rudderstack.analytics",
    "posthog": "posthog",
    "snowplow": "snowplow_tracker",
    "mixpanel": "mixpanel",
    "amplitude": "amplitude",
}


@dataclass
class Figures:
    """What was measured of one client."""

    rounds_ns: list[list[int]] = field(default_factory=list)
    """Every timed call, by round."""
    events_per_s: list[float] = field(default_factory=list)
    """First call to last answer, by round."""
    json_bytes: float = 0.0
    """Size of an event on the wire, without compression and with its share of what stands around the events."""
    idle_cpu_ms: dict[str, float] = field(default_factory=dict)
    """CPU time over `IDLE_S` in milliseconds: of a client that was used, and of one that was only made."""
    idle_wakeups: dict[str, int] = field(default_factory=dict)
    """Voluntary context switches of all its threads in that time."""
    traced_bytes: float = 0.0
    """Python's allocations for each waiting event."""
    resident_bytes: float = 0.0
    """Growth of the process for each waiting event."""
    import_ms: float = 0.0
    """The quickest of some runs of `import …` in a fresh interpreter, above an empty program."""
    above_msgspec_ms: float = 0.0
    """The same, above the quickest `import msgspec`."""

    def percentile_us(self, percent: int) -> float:
        """Return the median over the rounds of each round's percentile: a moment of a busy machine spoils one round."""
        return statistics.median(sorted(times)[len(times) * percent // 100] for times in self.rounds_ns) / 1000

    @property
    def throughput(self) -> float:
        """Return events a second, the median over the rounds."""
        return statistics.median(self.events_per_s)


class Stopwatch:
    """A process of `stopwatch`."""

    def __init__(self, python: Path, client: str, host: str, directory: str) -> None:
        self._process = subprocess.Popen(
            [str(python), "-m", "tests.benchmarks.peers.stopwatch", client, host, directory],
            cwd=ROOT,
            env=variables(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._answer()
        self.pid = self._process.pid

    def ask(self, do: str, calls: int = 0) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": do, "calls": calls}) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer


def measure(python: Path, names: Iterable[str], rounds: int = ROUNDS) -> dict[str, Figures]:
    """Return the figures of the named clients; takes some minutes."""
    figures = {name: Figures() for name in names}
    with _counter() as host:
        with _stopwatches(python, figures, host) as watches:
            _time_calls(watches, figures, rounds)
            _time_sending(watches, figures, host, max(3, rounds // 2))
            with _stopwatches(python, figures, host) as unused:
                _watch_idling(watches, unused, figures)
        for traced in (True, False):
            with _stopwatches(python, figures, "http://127.0.0.1:9") as watches:
                _weigh(watches, figures, traced)
    imported = import_ms(python, [*MODULES.values(), "msgspec"])
    for name, each in figures.items():
        if name in MODULES:
            each.import_ms = imported[MODULES[name]]
            each.above_msgspec_ms = each.import_ms - imported["msgspec"]
    return figures


def import_ms(python: Path, modules: Iterable[str], runs: int = IMPORTS) -> dict[str, float]:
    """
    Return how long `import …` takes in a fresh interpreter above an empty program, in milliseconds: the quickest of
    `runs`, which take turns.
    """
    programs = {"": "pass", **{name: f"import {name}" for name in modules}}
    best = dict.fromkeys(programs, float("inf"))
    for _ in range(runs):
        for name, program in programs.items():
            started = time.perf_counter()
            subprocess.run([str(python), "-c", program], check=True, cwd=ROOT, env=variables())
            best[name] = min(best[name], time.perf_counter() - started)
    return {name: (took - best[""]) * 1000 for name, took in best.items() if name}


def _time_calls(watches: dict[str, Stopwatch], figures: dict[str, Figures], rounds: int) -> None:
    for number in range(rounds + 1):
        for name, watch in watches.items():
            times = watch.ask("burst", _calls(name, BURST))["ns"]
            if number:  # the first round warms up
                figures[name].rounds_ns.append(times)
            time.sleep(0.2)  # what is still on its way


def _time_sending(watches: dict[str, Stopwatch], figures: dict[str, Figures], host: str, rounds: int) -> None:
    for _ in range(rounds):
        for name, watch in watches.items():
            _settle(host)
            calls = _calls(name, SENT)
            started_at = watch.ask("send", calls)["started_at"]
            count = _wait_for(host, calls)
            figures[name].events_per_s.append(count["events"] / (count["last_at"] - started_at))
            figures[name].json_bytes = count["bytes"] / max(1, count["events"])


def _watch_idling(used: dict[str, Stopwatch], unused: dict[str, Stopwatch], figures: dict[str, Figures]) -> None:
    time.sleep(12)  # some have timers of 10 s for what was just sent
    groups = {"used": used, "unused": unused}
    before = {(group, name): _spent(watch.pid) for group, all_ in groups.items() for name, watch in all_.items()}
    time.sleep(IDLE_S)
    for (group, name), (cpu_ns, switches) in before.items():
        cpu_now, switches_now = _spent(groups[group][name].pid)
        figures[name].idle_cpu_ms[group] = (cpu_now - cpu_ns) / 1e6
        figures[name].idle_wakeups[group] = switches_now - switches


def _spent(pid: int) -> tuple[int, int]:
    """Return a process's CPU time in nanoseconds and its voluntary context switches, of all threads."""
    tasks = Path(f"/proc/{pid}/task")
    if tasks.exists():
        cpu_ns = switches = 0
        for task in tasks.iterdir():
            cpu_ns += int((task / "schedstat").read_text("ascii").split()[0])
            switches += int((task / "status").read_text("ascii").partition("\nvoluntary_ctxt_switches:")[2].split()[0])
        return cpu_ns, switches
    import psutil

    process = psutil.Process(pid)
    times = process.cpu_times()
    return int((times.user + times.system) * 1e9), process.num_ctx_switches().voluntary


def _weigh(watches: dict[str, Stopwatch], figures: dict[str, Figures], traced: bool) -> None:
    for name, watch in watches.items():
        if name in BLOCKING or name == "mixpanel-buffered":
            continue  # nothing waits there but the caller
        if traced:
            watch.ask("trace")
            figures[name].traced_bytes = watch.ask("pile_up", PILED_UP)["bytes"] / PILED_UP
        else:
            figures[name].resident_bytes = watch.ask("pile_up", PILED_UP)["bytes"] / PILED_UP


def _calls(name: str, calls: int) -> int:
    return calls // 10 if name in BLOCKING else calls


def _settle(host: str) -> None:
    """Wait until nothing arrives any more, and start a new count."""
    while _count(host, "/new")["events"]:
        time.sleep(0.3)


def _wait_for(host: str, events: int, limit_s: float = 60.0) -> dict[str, Any]:
    limit = time.monotonic() + limit_s
    while (count := _count(host))["events"] < events and time.monotonic() < limit:
        time.sleep(0.05)
    return count


def _count(host: str, path: str = "/") -> dict[str, Any]:
    with urlopen(host + path, timeout=10) as answer:
        count: dict[str, Any] = json.load(answer)
    return count


@contextlib.contextmanager
def _counter() -> Iterator[str]:
    command = [sys.executable, "-m", "tests.benchmarks.peers.counter"]
    server = subprocess.Popen(command, cwd=ROOT, env=variables(), stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(server.stdout.readline())}"
    finally:
        server.terminate()
        server.communicate()


@contextlib.contextmanager
def _stopwatches(python: Path, names: Iterable[str], host: str) -> Iterator[dict[str, Stopwatch]]:
    watches: dict[str, Stopwatch] = {}
    with tempfile.TemporaryDirectory() as folder:
        try:
            for name in names:
                watches[name] = Stopwatch(python, name, host, folder)
            yield watches
        finally:
            for watch in watches.values():
                watch.end()
