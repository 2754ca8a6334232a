"""
What our SDK costs the program that uses it, beside the clients of others (`tests.benchmarks.peers`), in one run.

All of them really send: to a server in another process, on loopback. Each has a process of its own, and their rounds
take turns. Ours checks every event against a plan, the others have none to check.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping

from tests.benchmarks.peers import clients, environment
from tests.benchmarks.peers.timing import BURST, IDLE_S, PILED_UP, ROUNDS, SENT, Figures, measure
from tests.benchmarks.table import Row, print_table

REFERENCE = "segment"


def run() -> list[Row]:
    """Return the rows; those who measure need the clients, which the first run installs into `.bench-venv`."""
    try:
        python = environment.python()
    except subprocess.CalledProcessError:
        note = "not run: the clients of others could not be installed; pip's message is above"
        return [Row("track()", None, None, None, "<= 0.2", "µs", note)]
    return rows(measure(python, [*clients.OURS, *clients.PEERS]))


def rows(figures: Mapping[str, Figures]) -> list[Row]:
    """Return ours over theirs: of Segment's client for p50, of whoever is best for the rest."""
    ours = figures["trackway"]
    others = {name: figures[name] for name in clients.PEERS}
    cpu = max(ours.idle_cpu_ms.values())
    return [
        _compared("track() p50", figures, {REFERENCE: others[REFERENCE]}, _p50, min, "<= 0.2", "µs", CALLS),
        _compared("track() p99", figures, others, _p99, min, "<= 0.2", "µs", "while the sender is busy"),
        _compared("sent by one process", figures, others, _throughput, max, ">= 5", "events/s", THROUGHPUT),
        Row("idle CPU", cpu, None, None, "0", "ms", f"in {IDLE_S:g} s; {_idle(figures)}"),
        _per_json("memory of a waiting event", ours.traced_bytes, ours.json_bytes, "traced; theirs: its JSON"),
        _per_json("… of the whole process", ours.resident_bytes, ours.json_bytes, "resident; theirs: its JSON"),
        Row("import trackway", ours.above_msgspec_ms, None, None, "<= 30", "ms", _imports(figures)),
        *_disk(figures, others),
    ]


CALLS = f"plan checked; medians of {ROUNDS} rounds of {BURST:,} calls"
THROUGHPUT = f"{SENT:,} events, first call to last answer"


def _disk(figures: Mapping[str, Figures], others: Mapping[str, Figures]) -> list[Row]:
    if "trackway-disk" not in figures:
        return []
    with_disk = {**figures, "trackway": figures["trackway-disk"]}
    segment = {REFERENCE: others[REFERENCE]}
    return [
        _compared("track() p50, disk queue", with_disk, segment, _p50, min, None, "µs", "in the page cache on return"),
        _compared("track() p99, disk queue", with_disk, others, _p99, min, None, "µs", "while the sender is busy"),
        _compared("sent by one, disk queue", with_disk, others, _throughput, max, None, "events/s", THROUGHPUT),
    ]


def _compared(
    name: str,
    figures: Mapping[str, Figures],
    others: Mapping[str, Figures],
    value: Callable[[Figures], float],
    best: Callable[..., str],
    target: str | None,
    unit: str,
    note: str,
) -> Row:
    peer = best(others, key=lambda other: value(others[other]))
    mine, theirs = value(figures["trackway"]), value(others[peer])
    return Row(name, mine, theirs, mine / theirs, target, unit, f"theirs: {peer}; {note}")


def _per_json(name: str, size: float, json_size: float, note: str) -> Row:
    return Row(name, size, json_size, size / json_size, "<= 2", "bytes", f"{note}; {PILED_UP:,} wait")


def _p50(figures: Figures) -> float:
    return figures.percentile_us(50)


def _p99(figures: Figures) -> float:
    return figures.percentile_us(99)


def _throughput(figures: Figures) -> float:
    return figures.throughput


def _idle(figures: Mapping[str, Figures]) -> str:
    woken = {name: max(each.idle_wakeups.values()) for name, each in figures.items()}
    busy = [f"{name} {count}" for name, count in woken.items() if count and name != "trackway"]
    return f"{woken['trackway']} wakeups; {', '.join(busy) or 'the others none'}"


def _imports(figures: Mapping[str, Figures]) -> str:
    took = {name: each.import_ms for name, each in figures.items() if each.import_ms}
    peer = min((name for name in took if name not in clients.OURS), key=took.__getitem__)
    return f"above import msgspec; {took['trackway']:.0f} ms in all, {peer} {took[peer]:.0f} ms"


if __name__ == "__main__":
    print_table(run())
