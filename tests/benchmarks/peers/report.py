"""Writes what was found into docs/compare_sdks.md, between its marks; the text around them is written by people."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from tests.benchmarks.peers import clients, environment
from tests.benchmarks.peers.run import Outcome
from tests.benchmarks.peers.scenarios import SCENARIOS
from tests.benchmarks.peers.timing import IDLE_S, Figures
from tests.benchmarks.table import processor

PAGE = environment.ROOT / "docs" / "compare_sdks.md"
Losses = Mapping[str, Mapping[str, Outcome | str]]
"""By scenario and client."""

_HEADS = {
    "trackway": "Trackway",
    "trackway-disk": 'Trackway, `queue="disk"`',
    "snowplow-async": "snowplow, AsyncEmitter",
    "mixpanel-buffered": "mixpanel, BufferedConsumer",
}
_COLUMNS = (*clients.OURS, *clients.DEFAULTS)


def losses(found: Losses) -> str:
    """Return the table of what was lost."""
    return _by_scenario(found, _loss)


def waits(found: Losses) -> str:
    """Return the table of how long the program was held up."""
    return _by_scenario(found, lambda outcome: f"{_seconds(outcome.longest_s)} / {_held(outcome)}")


def repetitions(found: Losses) -> str:
    """Return the table of what arrived more than once, of scenarios where anything did."""
    some = {
        name: row
        for name, row in found.items()
        if any(isinstance(outcome, Outcome) and (outcome.repeated or outcome.doubled) for outcome in row.values())
    }
    return _by_scenario(some, lambda outcome: f"{outcome.repeated:,} / {outcome.doubled:,}")


def stories() -> str:
    """Return what each scenario does."""
    return "\n".join(f"* **{scenario.name}**: {scenario.what}" for scenario in SCENARIOS)


def speed(figures: Mapping[str, Figures]) -> str:
    """Return the table of speed, a line for each client."""
    heads = (
        "client",
        "`track()` p50",
        "p99",
        "events/s",
        f"CPU in {IDLE_S:g} s idle",
        "wakeups",
        "memory / JSON of a waiting event",
        "resident",
        "`import`",
    )
    rows = [
        (
            _head(name),
            f"{each.percentile_us(50):.1f} µs",
            f"{each.percentile_us(99):,.0f} µs",
            f"{each.throughput:,.0f}",
            f"{max(each.idle_cpu_ms.values()):.1f} ms",
            str(max(each.idle_wakeups.values())),
            f"{each.traced_bytes:,.0f} / {each.json_bytes:,.0f} B" if each.traced_bytes else "-",
            f"{each.resident_bytes:,.0f} B" if each.resident_bytes else "-",
            f"{each.import_ms:.0f} ms" if each.import_ms else "-",
        )
        for name, each in figures.items()
    ]
    return _table(heads, rows)


def versions(python: Path) -> str:
    """Return what was compared, on what, and when."""
    ask = "import sys; from tests.benchmarks.peers import clients; print(clients.version(sys.argv[1]))"

    def version(name: str) -> str:
        command = [str(python), "-c", ask, name]
        return subprocess.run(
            command, check=True, capture_output=True, text=True, cwd=environment.ROOT, env=environment.variables()
        ).stdout.strip()

    peers = ", ".join(f"{clients.distribution(name)} {version(name)}" for name in clients.DEFAULTS)
    return (
        f"Measured on {datetime.now(UTC):%Y-%m-%d}: {peers}; Trackway of this working copy. "
        f"Python {platform.python_version()}, {platform.platform(terse=True)}, {os.cpu_count()} cores, {processor()}."
    )


def write(blocks: Mapping[str, str], page: Path = PAGE) -> None:
    """
    Put each block between `<!-- NAME -->` and `<!-- /NAME -->` of the page.

    Raises:
        ValueError: the page has no such marks.
    """
    text = page.read_text("utf-8")
    for name, block in blocks.items():
        text, count = re.subn(
            rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)",
            lambda marks, block=block: f"{marks[1]}{block}\n{marks[2]}",  # type: ignore[misc]
            text,
            flags=re.DOTALL,
        )
        if count != 1:
            msg = f"{page} has {count} places for `{name}`. Write <!-- {name} --> and <!-- /{name} --> once."
            raise ValueError(msg)
    page.write_text(text, "utf-8")


def _by_scenario(found: Losses, cell: Callable[[Outcome], str]) -> str:
    columns = [name for name in _COLUMNS if any(name in row for row in found.values())]
    rows = []
    for scenario, row in found.items():
        if not row:
            continue
        cells = [row.get(name, "-") for name in columns]
        rows.append((scenario, *(each if isinstance(each, str) else cell(each) for each in cells)))
    return _table(("", *map(_head, columns)), rows)


def _loss(outcome: Outcome) -> str:
    text = f"{outcome.lost:,} of {outcome.sent:,}"
    return (f"**{text}**" if outcome.lost else text) + ("†" if outcome.forced else "")


def _held(outcome: Outcome) -> str:
    if outcome.tracking:
        return "still tracking†"
    return f"over {_seconds(outcome.held_s)}†" if outcome.forced else _seconds(outcome.held_s)


def _seconds(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 0.95 else f"{seconds * 1000:.0f} ms"


def _head(name: str) -> str:
    return _HEADS.get(name) or name


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
