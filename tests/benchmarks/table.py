"""The one table that `make bench` prints: ratios within a run, and the absolute figures beside them."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One comparison, measured in one run on the same cores."""

    name: str
    ours: float | None
    theirs: float | None
    ratio: float | None
    target: str | None
    unit: str
    note: str = ""


def print_table(rows: Iterable[Row]) -> None:
    """Print the rows and the machine they were measured on."""
    from rich.console import Console
    from rich.table import Table

    table = Table("benchmark", "ours", "theirs", "ratio", "target", "unit", "note")
    for row in rows:
        table.add_row(
            row.name, _figure(row.ours), _figure(row.theirs), _figure(row.ratio), row.target or "", row.unit, row.note
        )
    console = Console(width=180)
    console.print(table)
    console.print(f"{platform.platform()}, Python {platform.python_version()}, {os.cpu_count()} cores, {processor()}")


def _figure(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def processor() -> str:
    """Return the name of the processor, as the system knows it."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return next(line.partition(":")[2].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()
