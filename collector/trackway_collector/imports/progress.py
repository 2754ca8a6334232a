"""The bar of `trackway import`, on a terminal's standard error; elsewhere nothing."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from trackway_collector.imports.run import Progress


@contextlib.contextmanager
def bars() -> Iterator[Callable[[Path], Progress]]:
    """Give a function that begins a file's bar and returns what moves it."""
    if not sys.stderr.isatty():
        yield lambda path: lambda done, rows: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[rows]:,} rows"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:

        def begin(path: Path) -> Callable[[int, int], None]:
            task = progress.add_task(path.name, total=path.stat().st_size, rows=0)
            return lambda done, rows: progress.update(task, completed=done, rows=rows)

        yield begin
