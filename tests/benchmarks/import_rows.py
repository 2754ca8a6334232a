"""
`trackway import`: rows of files into the spool, read, mapped, judged by the plan and fsynced, in one process.

The rows are the payload of the ingest benchmark: twelve columns, ten of them planned properties. Beside it, what the
same machine takes to read the same CSV with the standard library and to do nothing with it.
"""

from __future__ import annotations

import csv
import gzip
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from tests.benchmarks.ingest_payload import SOURCE, event, release
from tests.benchmarks.table import Row, print_table
from trackway_collector.imports.run import Import
from trackway_collector.ingest.verdicts.decode import BatchDecoder
from trackway_collector.mapping import parse_mapping
from trackway_plan import Release

TARGET = 50_000

_MAPPING = """\
mapping: 1
event: order_completed_0
messageId: {of: [order_id]}
userId: $user
timestamp: $at
properties:
  order_id: $order_id
  total: {field: total, as: number}
  currency: $currency
  items: {field: items, as: int}
  coupon: $coupon
  payment_method: $payment_method
  is_gift: {field: is_gift, as: bool}
  shipping: {field: shipping, as: number}
  city: $city
  note: $note
"""


def run(rows: int = 200_000, rounds: int = 3) -> list[Row]:
    """Return rows a second for each kind of file."""
    found = []
    with tempfile.TemporaryDirectory() as tmp:
        directory = Path(tmp)
        plan = release(directory / "plan")
        files = _write(directory, rows, plan)
        read = max(rows / _seconds(lambda: _only_read(files["CSV"])) for _ in range(rounds))
        for number, (name, path) in enumerate(files.items()):
            ours = [rows / _import(directory / f"{number}-{again}", path, plan, rows) for again in range(rounds)]
            best = max(ours)
            theirs, ratio = (read, best / read) if name == "CSV" else (None, None)
            note = f"{rows:,} rows, best of {rounds}" + ("; theirs: csv.reader alone" if theirs else "")
            found.append(Row(f"import, {name} → spool", best, theirs, ratio, f"≥ {TARGET:,}", "rows/s", note))
    return found


def _write(directory: Path, rows: int, plan: Release) -> dict[str, Path]:
    import pyarrow as pa
    from pyarrow import parquet

    events = [event(number, f"m-{number}", plan.hash) for number in range(rows)]
    records = [
        {"user": made["userId"], "at": made["timestamp"], **made["properties"]}  # type: ignore[dict-item]
        for made in events
    ]
    lines = directory / "events.jsonl"
    lines.write_bytes(b"".join(msgspec.json.encode(made) + b"\n" for made in events))
    packed = directory / "events.jsonl.gz"
    packed.write_bytes(gzip.compress(lines.read_bytes(), 6))
    columns = directory / "orders.csv"
    with columns.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(records[0]))
        writer.writeheader()
        writer.writerows(records)
    table = directory / "orders.parquet"
    parquet.write_table(pa.Table.from_pylist(records), table)
    return {"JSON lines": lines, "JSON lines, gzip": packed, "CSV": columns, "Parquet": table}


def _import(data_dir: Path, path: Path, plan: Release, rows: int) -> float:
    work = Import(data_dir, BatchDecoder(plan), SOURCE)
    if path.suffix in (".csv", ".parquet"):
        work.mapping = parse_mapping(_MAPPING, "bench.yaml")
    started = time.perf_counter()
    tally = work.run(path)
    seconds = time.perf_counter() - started
    if dict(tally.outcomes) != {"ok": rows}:
        message = f"{path.name}: {tally}"
        raise AssertionError(message)
    return seconds


def _only_read(path: Path) -> None:
    with path.open(newline="") as file:
        for _ in csv.reader(file):
            pass


def _seconds(work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    print_table(run())
