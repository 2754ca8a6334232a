"""`make bench`: every comparison in one table; `python -m tests.benchmarks ingest load` runs only those named."""

from __future__ import annotations

import sys
from collections.abc import Callable

from tests.benchmarks import dedup, end_to_end, import_rows, ingest, load, plan, questions, track
from tests.benchmarks.table import Row, print_table

BENCHMARKS: dict[str, Callable[[], list[Row]]] = {
    "ingest": ingest.run,
    "load": load.run,
    "dedup": dedup.run,
    "end_to_end": end_to_end.run,
    "import": import_rows.run,
    "track": track.run,
    "questions": questions.run,
    "plan": plan.run,
}


def main(names: list[str]) -> None:
    """Run the named benchmarks, or all of them, and print their rows."""
    if unknown := set(names) - set(BENCHMARKS):
        sys.exit(f"unknown: {', '.join(sorted(unknown))}. Known: {', '.join(BENCHMARKS)}.")
    rows = []
    for name in names or BENCHMARKS:
        print(f"{name} …", file=sys.stderr, flush=True)
        rows += BENCHMARKS[name]()
    print_table(rows)


if __name__ == "__main__":
    main(sys.argv[1:])
