"""
Durable, validated acks of one ingest worker on one core, beside a bare aiohttp app and the floor program.

All three are driven in turn by wrk from the other core with the same bodies, unique message ids and connections. Each
round measures all three; the ratio is taken within a round, and the median round is reported. What carries over to
another machine, and hardly changes where others use the machine too, is the CPU time of an event, user and system: the
rows about it hold ours against the floor's, the other way round, so that here, too, more is better.
"""

from __future__ import annotations

import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.benchmarks.driving import Load, drive, free_port, resident_mib, running
from tests.benchmarks.ingest_payload import SOURCE, WRITE_KEY, release, write_bodies
from tests.benchmarks.open_loop import send
from tests.benchmarks.table import Row, print_table

SECONDS = 5
ROUNDS = 3
MANY_EVENTS = 10_000_000


def run(seconds: int = SECONDS, rounds: int = ROUNDS, many: int = MANY_EVENTS) -> list[Row]:
    """Return the rows of the ingest benchmark, at 100 and at 1 event a request."""
    if shutil.which("wrk") is None:
        return [Row("ingest", None, None, None, None, "events/s", "skipped: wrk is not installed (Debian: wrk)")]
    with tempfile.TemporaryDirectory() as tmp:
        directory = Path(tmp)
        plan = directory / "0001.json"
        frozen = release(directory / "plan")
        plan.write_bytes(frozen.to_json())
        rows = [row for events in (100, 1) for row in _compare(directory, plan, frozen.hash, events, seconds, rounds)]
        bodies = write_bodies(directory / "bodies", 100, frozen.hash)
        wrong = write_bodies(directory / "wrong", 100, frozen.hash, wrong=True)
        rows.append(_steady(directory, plan, bodies, seconds))
        rows.append(_violating(directory, plan, bodies, wrong, seconds, rounds))
        rows.append(_two_workers(directory, plan, bodies, seconds))
        rows.append(_memory(directory, plan, bodies, seconds, many))
    return rows


def _compare(directory: Path, plan: Path, plan_hash: str, events: int, seconds: int, rounds: int) -> list[Row]:
    bodies = write_bodies(directory / f"bodies-{events}.txt", events, plan_hash)
    results: dict[str, list[Load]] = {"trackway": [], "floor": [], "bare": []}
    for number in range(rounds):
        for mode in results:
            with server(mode, directory / f"{mode}-{events}-{number}", plan) as (port, pid):
                results[mode].append(drive(port, pid, bodies, events, seconds))
    ours = [load.events_per_s for load in results["trackway"]]
    rows = []
    for other, target in (("floor", 0.9), ("bare", 0.22 if events == 100 else 0.5)):
        theirs = [load.events_per_s for load in results[other]]
        ratio = statistics.median(a / max(b, 1) for a, b in zip(ours, theirs, strict=True))
        middle = sorted(results["trackway"], key=lambda load: load.events_per_s)[len(ours) // 2]
        note = f"p50 {middle.p50_ms:.1f} ms, p99 {middle.p99_ms:.1f} ms, {middle.errors} errors"
        name = f"ingest, {events} a request, against {other}"
        rows.append(
            Row(name, statistics.median(ours), statistics.median(theirs), ratio, f"≥ {target}", "events/s", note)
        )
    cpu = {mode: statistics.median(load.cpu_us_per_event for load in loads) for mode, loads in results.items()}
    rows.append(
        Row(f"ingest, {events} a request, CPU against floor", cpu["trackway"], cpu["floor"],
            cpu["floor"] / cpu["trackway"], "≥ 0.9", "µs/event", f"bare {cpu['bare']:.3g}")
    )  # fmt: skip
    return rows


def _steady(directory: Path, plan: Path, bodies: Path, seconds: int) -> Row:
    """How long an answer takes at half of the peak, at a constant rate."""
    with server("trackway", directory / "steady", plan) as (port, pid):
        peak = drive(port, pid, bodies, 100, seconds).events_per_s
        found = send(port, bodies, peak / 2 / 100, 2 * seconds)
    note = f"at {peak / 2:,.0f} events/s: p50 {found.p50_ms:.1f}, p95 {found.p95_ms:.1f}, max {found.max_ms:.1f} ms;"
    note += f" {found.errors} errors; theirs: the target"
    return Row("ingest, p99 at half of peak", found.p99_ms, 40, 40 / found.p99_ms, "≥ 1", "ms", note)


def _violating(directory: Path, plan: Path, bodies: Path, wrong: Path, seconds: int, rounds: int) -> Row:
    ours, theirs, cpu = [], [], []
    for number in range(rounds):
        with server("trackway", directory / f"wrong-{number}", plan) as (port, pid):
            load = drive(port, pid, wrong, 100, seconds)
            ours.append(load.events_per_s)
            cpu.append(load.cpu_us_per_event)
            theirs.append(drive(port, pid, bodies, 100, seconds).events_per_s)
    ratio = statistics.median(a / max(b, 1) for a, b in zip(ours, theirs, strict=True))
    note = (
        f"every event violates the plan; {statistics.median(cpu):.3g} µs CPU an event; theirs: ours, all events right"
    )
    return Row(
        "ingest, violating", statistics.median(ours), statistics.median(theirs), ratio, "≥ 0.2", "events/s", note
    )


def _two_workers(directory: Path, plan: Path, bodies: Path, seconds: int) -> Row:
    """CPU time of an event with two workers on both cores, which the load generator shares, beside one worker's."""
    cpu = []
    for workers in (1, 2):
        with server("trackway", directory / f"workers-{workers}", plan, workers=workers, cores={0, 1}) as (port, pid):
            cpu.append(drive(port, pid, bodies, 100, seconds).cpu_us_per_event)
    note = "theirs: one worker; supervisor included; the load generator shares the cores"
    return Row("ingest, CPU of two workers", cpu[1], cpu[0], cpu[0] / cpu[1], "≥ 0.8", "µs/event", note)


def _memory(directory: Path, plan: Path, bodies: Path, seconds: int, many: int) -> Row:
    """Resident memory after `many` events, beside that after the first few seconds of them."""
    with server("trackway", directory / "memory", plan) as (port, pid):
        done = drive(port, pid, bodies, 100, seconds).events_per_s * seconds
        before = resident_mib(pid)
        while done < many:
            done += drive(port, pid, bodies, 100, seconds).events_per_s * seconds
        after = resident_mib(pid)
    note = f"resident after {done:,.0f} events; theirs: after the first {seconds} s"
    return Row("ingest, memory", after, before, after / before, "≤ 1.1", "MiB", note)


@contextmanager
def server(
    mode: str, directory: Path, plan: Path, *, workers: int = 1, cores: set[int] | None = None
) -> Iterator[tuple[int, int]]:
    """Run `trackway`, `floor` or `bare` on the first core, or on `cores`; yields its port and its process."""
    port = free_port()
    command = [sys.executable, *serve(directory, port, plan, workers)]
    if mode != "trackway":
        command = [sys.executable, "-m", "tests.benchmarks.ingest_floor", mode, str(port)]
    with running(command, port=port, cores=cores or {0}, directory=directory) as pid:
        yield port, pid


def serve(directory: Path, port: int, plan: Path, workers: int = 1) -> list[str]:
    """Return the arguments of Python that start the collector."""
    command = ["-m", "trackway", "collector", "serve", "--data-dir", str(directory), "--port", str(port)]
    command += ["--plan", str(plan), "--write-key", f"{SOURCE}={WRITE_KEY}", "--max-backlog-mib", "65536"]
    return [*command, "--workers", str(workers)]


if __name__ == "__main__":
    print_table(run())
