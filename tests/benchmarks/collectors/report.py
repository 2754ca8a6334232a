"""The tables of docs/compare_collectors.md, between marks; the words around them are written by hand."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Sequence
from datetime import UTC, datetime

from tests.benchmarks.collectors.run import SIZES, Result
from tests.benchmarks.driving import Load
from tests.benchmarks.peers.environment import ROOT
from tests.benchmarks.table import processor

PAGE = ROOT / "docs" / "compare_collectors.md"


def tables(results: Sequence[Result]) -> dict[str, str]:
    """Return mark → text."""
    return {"versions": _versions(results), "figures": _figures(results), "durability": _durability(results)}


def write(results: Sequence[Result]) -> None:
    """Put the tables into the page."""
    text = PAGE.read_text("utf-8")
    for mark, table in tables(results).items():
        between = re.compile(rf"(<!-- {mark} -->\n).*?(<!-- /{mark} -->)", re.DOTALL)
        text = between.sub(lambda found, table=table: f"{found[1]}{table}\n{found[2]}", text)  # type: ignore[misc]
    PAGE.write_text(text, "utf-8")


def _versions(results: Sequence[Result]) -> str:
    names = ", ".join(f"{result.server.name} {result.version}" for result in results if not result.missing)
    machine = f"Python {platform.python_version()}, {platform.platform()}, {os.cpu_count()} cores, {processor()}"
    lines = [f"Measured on {datetime.now(UTC):%Y-%m-%d}: {names}. {machine}."]
    lines += [f"Not run: {result.server.name} ({result.missing})." for result in results if result.missing]
    return "\n".join(lines)


def _figures(results: Sequence[Result]) -> str:
    head = ["server"]
    for events in SIZES:
        head += [f"{events} a request: events/s", "µs CPU an event", "p99, ms"]
    rows = []
    for result in results:
        if not result.missing:
            cells = [result.server.name]
            for events in SIZES:
                cells += _cells(result.loads[events])
            rows.append(cells)
    return _table(head, rows)


def _cells(load: Load) -> list[str]:
    rate = f"{load.events_per_s:,.0f}" + (f" ({load.errors:,} errors)" if load.errors else "")
    return [rate, f"{load.cpu_us_per_event:.3g}", f"{load.p99_ms:.0f}"]


def _durability(results: Sequence[Result]) -> str:
    head = ["server", "a 200 says", "answered 200, then killed: lost", "a 200 outlives a loss of power"]
    rows = []
    for result in results:
        if result.killed is not None:
            acked, kept = result.killed
            lost = max(0, acked - kept)
            said = f"{lost:,} of {acked:,}" if not lost else f"**{lost:,} of {acked:,}**"
            rows.append([result.server.name, result.server.does, said, result.server.power_loss])
    return _table(head, rows)


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
