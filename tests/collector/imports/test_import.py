"""`trackway import`: what becomes of the rows of a file, and of the same rows another time."""

from __future__ import annotations

import csv
import gzip
import json
import random
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from errno import ENOSPC
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from click.testing import CliRunner
from pyarrow import parquet

from trackway_collector.errors import SpoolFull, SpoolLocked
from trackway_collector.imports.command import import_files
from trackway_collector.imports.ledger import Entry, Ledger
from trackway_collector.imports.rows import FileRefused
from trackway_collector.imports.run import SPOOL, Import, Tally
from trackway_collector.ingest.verdicts.decode import BatchDecoder
from trackway_collector.loader.loop import Loader
from trackway_collector.mapping import parse_mapping
from trackway_collector.spool import Record, SpoolReader, SpoolWriter
from trackway_collector.spool.layout import SEGMENT_HEADER, segment_numbers, segment_path
from trackway_collector.warehouse import Warehouse

ORDERS = """\
mapping: 1
event: order_completed
messageId: {of: [order_id]}
userId: $who
timestamp: {field: at, as: timestamp, zone: Europe/Berlin}
properties:
  total: {field: total, as: number}
  note: $note
"""


def seen(number: int, **more: Any) -> dict[str, Any]:
    """One event as somebody's old analytics wrote it."""
    event = {
        "type": "track",
        "event": "seen",
        "messageId": f"m-{number}",
        "userId": "lina",
        "timestamp": "2024-05-01T10:00:00Z",
        "properties": {"n": number},
    }
    return event | more


def lines(events: Iterable[dict[str, Any]]) -> bytes:
    """Events as JSON lines."""
    return b"".join(json.dumps(event).encode() + b"\n" for event in events)


def orders(path: Path, numbers: Iterable[int]) -> None:
    """A CSV file of orders."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["order_id", "who", "at", "total", "note"])
        writer.writerows([f"A-{n}", "lina", "2024-05-01 12:00:00", f"{n}.5", ""] for n in numbers)


def importing(data: Path, mapping: str = "", **more: Any) -> Import:
    """An import into this data directory, without a plan."""
    work = Import(data, BatchDecoder(None), "shop", **more)
    if mapping:
        work.mapping, work.mapping_text = parse_mapping(mapping, "orders.yaml"), mapping.encode()
    return work


def spooled(data: Path) -> list[dict[str, Any]]:
    """Every event that is in the spool of imports, in order."""
    return [event for _, batch in records(data) for event in batch]


def records(data: Path) -> list[tuple[Record, list[dict[str, Any]]]]:
    """The records of the spool of imports with their events."""
    found, reader, segment, byte = [], SpoolReader(data / "spool" / SPOOL), 0, 0
    while (chunk := reader.read(segment, byte, max_events=10**6)) is not None:
        segment, byte = chunk.segment, chunk.to_byte
        for block in chunk.blocks:
            found += [(record, json.loads(body)["batch"]) for record, body in block.records()]
    return found


def reasons(tally: Tally) -> list[tuple[int, str]]:
    """Line and reason of each row in the report."""
    assert tally.report is not None
    assert tally.report.stat().st_mode & 0o077 == 0, "others may read the report"
    return [(row["line"], row["reason"]) for row in map(json.loads, tally.report.read_text().splitlines())]


def test_events_as_they_are(tmp_path: Path) -> None:
    """Segment's JSON lines need no mapping, and keep every field; the environment is the one that was asked for."""
    file = tmp_path / "old.jsonl"
    file.write_bytes(lines([seen(1), seen(2, context={"ip": "203.0.113.7"}, integrations={"All": False})]))
    tally = importing(tmp_path / "data", environment="staging").run(file)
    ((record, batch),) = records(tmp_path / "data")
    assert (tally.rows, dict(tally.outcomes), tally.refused) == (2, {"unplanned": 2}, 0)
    assert batch == [seen(1), seen(2, context={"ip": "203.0.113.7"}, integrations={"All": False})]
    assert (record.source, record.environment) == ("shop", "staging")
    assert abs(record.received_at_us / 1e6 - time.time()) < 60


def test_events_without_an_id_get_one_that_lasts(tmp_path: Path) -> None:
    """An event without `messageId` has the same id in every import of the same line."""
    nameless = {key: value for key, value in seen(1).items() if key != "messageId"}
    (tmp_path / "a.jsonl").write_bytes(lines([nameless]))
    (tmp_path / "b.jsonl").write_bytes(lines([nameless | {"messageId": None}, nameless]))
    for name in "ab":
        importing(tmp_path / "data").run(tmp_path / f"{name}.jsonl")
    first, _, again = spooled(tmp_path / "data")
    assert first["messageId"] == again["messageId"]
    assert first["messageId"].startswith("sha256-")


def test_rows_become_events_by_a_mapping(tmp_path: Path) -> None:
    """A row of CSV is read by its header; an empty cell is a missing property, and the time is the row's own."""
    file = tmp_path / "orders.csv"
    file.write_text(
        'order_id,who,at,total,note\nA-1,lina,2024-05-01 12:00:00,19.90,\nA-2,noor,2024-12-01 12:00:00,5,"a\n""b"""\n'
    )
    importing(tmp_path / "data", ORDERS).run(file)
    one, two = spooled(tmp_path / "data")
    assert (one["event"], one["userId"], one["timestamp"]) == ("order_completed", "lina", "2024-05-01T10:00:00Z")
    assert (one["properties"], two["properties"]) == ({"total": 19.9}, {"total": 5, "note": 'a\n"b"'})
    assert two["timestamp"] == "2024-12-01T11:00:00Z"
    assert one["context"]["library"] == {"name": "trackway-import"}


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_what_is_imported_is_not_imported_again(tmp_path: Path, form: str, packed: bool) -> None:
    """The same file changes nothing, under another name or packed otherwise; of one that has grown the rest comes."""

    def write(name: str, numbers: Iterable[int]) -> Path:
        path = tmp_path / f"{name}.{form}"
        orders(path, numbers) if form == "csv" else path.write_bytes(lines(map(seen, numbers)))
        if not packed:
            return path
        path.with_name(path.name + ".gz").write_bytes(gzip.compress(path.read_bytes()))
        return path.with_name(path.name + ".gz")

    mapping = ORDERS if form == "csv" else ""
    counts = [
        importing(tmp_path / "data", mapping).run(write(name, range(many))).rows
        for name, many in (("a", 2500), ("a", 2500), ("b", 2500), ("a", 2600), ("b", 2600), ("c", 2500))
    ]
    assert counts == [2500, 0, 0, 100, 0, 0]
    other = write("d", [*range(2500), 9000, 9001])
    assert importing(tmp_path / "data", mapping).run(other).rows == 2, "it begins as a file that was imported once"
    assert importing(tmp_path / "data", mapping).run(other).rows == 0
    ids = [event["messageId"] for event in spooled(tmp_path / "data")]
    assert len(set(ids)) == len(ids) == 2602


def test_a_table_that_has_grown(tmp_path: Path) -> None:
    """Parquet is known by its rows, however they are grouped; numbers, times and nested values come as they are."""
    mapping = """\
mapping: 1
event: order_completed
messageId: {of: [id]}
userId: $who.id
timestamp: $at
properties: {total: $total, tags: $tags, paid: $paid, day: {field: at, as: date}}
"""

    def write(many: int, group: int) -> Path:
        table = pa.Table.from_pylist(
            [
                {
                    "id": n,
                    "who": {"id": 7},
                    "at": datetime(2024, 5, 1, 10, 0, 0, n, UTC),
                    "total": n / 2 if n else None,
                    "tags": ["a"],
                    "paid": True,
                }
                for n in range(many)
            ]
        )
        parquet.write_table(table, tmp_path / "orders.parquet", row_group_size=group)
        return tmp_path / "orders.parquet"

    data = tmp_path / "data"
    assert importing(data, mapping).run(write(2500, 1000)).rows == 2500
    assert importing(data, mapping).run(write(2500, 300)).rows == 0
    assert importing(data, mapping).run(write(2600, 700)).rows == 100
    events = spooled(data)
    assert len({event["messageId"] for event in events}) == len(events) == 2600
    assert events[0]["properties"] == {"tags": ["a"], "paid": True, "day": "2024-05-01"}
    assert events[3]["properties"]["total"] == 1.5
    assert (events[3]["userId"], events[3]["timestamp"]) == ("7", "2024-05-01T10:00:00.000003Z")


def test_another_source_environment_or_mapping_is_another_import(tmp_path: Path) -> None:
    """What is imported counts for its source, environment and mapping; `again` takes no notice of it at all."""
    file = tmp_path / "orders.csv"
    orders(file, range(10))
    data = tmp_path / "data"
    assert importing(data, ORDERS).run(file).rows == 10
    assert importing(data, ORDERS, environment="staging").run(file).rows == 10
    assert importing(data, ORDERS.replace("order_completed", "order_paid")).run(file).rows == 10
    assert importing(data, ORDERS).run(file).rows == 0
    assert importing(data, ORDERS, again=True).run(file).rows == 10
    ids = [event["messageId"] for event in spooled(data)]
    assert len(set(ids)) == 20, "of one row and one event the id is one, of another event it is another"


def test_bad_rows_are_reported_and_cost_nothing_else(tmp_path: Path) -> None:
    """Each row that cannot be read, mapped or stored is in the report by its line; all others are imported."""
    file = tmp_path / "orders.csv"
    file.write_bytes(
        b"order_id,who,at,total,note\n"
        b"A-1,lina,2024-05-01,1,\n"
        b"A-2,lina,secret,1,\n"
        b'A-3,lina,2024-05-01,1,"two\nlines"\n'
        b"A-4,lina\n"
        b"\n"
        b"A-5,lina,2024-05-01,1,\xff\n"
        b"A-6,lina,2024-05-01,1," + b"x" * 40_000 + b"\n"
        b"A-7,lina,2024-05-01,1e999,\n"
        b"A-8,lina,2024-05-01,1,\n"
    )  # fmt: skip
    tally = importing(tmp_path / "data", ORDERS).run(file)
    assert [event["properties"] for event in spooled(tmp_path / "data") if event] == [
        {"total": 1}, {"total": 1, "note": "two\nlines"}, {"total": 1},
    ]  # fmt: skip
    told = reasons(tally)
    assert [line for line, _ in told] == [3, 6, 8, 9, 10]
    assert told[0][1] == "timestamp: `at` is no time written as `iso`"
    assert told[1][1] == "has 2 cells, and the header has 5"
    assert told[2][1] == "is not UTF-8 text"
    assert "the limit is 32768" in told[3][1]
    assert told[4][1] == "properties.total: `total` is no number"
    assert tally.refused == 5
    assert importing(tmp_path / "data", ORDERS).run(file).rows == 0


def test_a_resumed_import_says_what_was_refused_before_it(tmp_path: Path) -> None:
    """Who imports a file that has grown, or goes on after a kill, hears of the rows that were refused before, too."""
    file, work = tmp_path / "orders.csv", importing(tmp_path / "data", ORDERS)
    orders(file, range(3))
    with file.open("a") as more:
        more.write("A-9,lina,soon,1,\n")
    first = work.run(file)
    with file.open("a") as more:
        more.write("A-10,lina,2024-05-01 12:00:00,1,\n")
    second = work.run(file)
    assert (first.refused, first.refused_before) == (1, 0)
    assert (second.before, second.refused_before, second.refused) == (4, 1, 0)


def test_a_column_that_is_not_there_is_noted(tmp_path: Path) -> None:
    """A misspelt column would leave every event without that value; the import names it and the one that is near."""
    file = tmp_path / "orders.csv"
    orders(file, range(3))
    wrong = ORDERS.replace("field: at,", "field: [time, att],").replace("$who", "$wo") + "  city: {field: [note, x]}\n"
    notes = importing(tmp_path / "data", wrong).run(file).notes
    assert notes == [
        "orders.csv has no column `wo`, which the mapping names. Did you mean `who`?",
        "orders.csv has no column `time`, which the mapping names.",
    ]
    table = tmp_path / "orders.parquet"
    parquet.write_table(pa.table({"order_id": ["A-1"], "who": ["lina"], "at": [datetime.now(UTC)]}), table)
    notes = importing(tmp_path / "data", wrong).run(table).notes
    assert "orders.parquet has no column `total`, which the mapping names." in notes
    assert importing(tmp_path / "data", ORDERS).run(file).notes == []


def test_bad_lines_of_json(tmp_path: Path) -> None:
    """A line holds one object, whole: two events on a line, or the end of a batch, do not get in."""
    file = tmp_path / "old.jsonl"
    good = json.dumps(seen(1))
    file.write_text(
        f'\ufeff{good}\n{{"type":\n[1]\n"text"\n\n{good},{good}\n{good}], "batch": [\n{json.dumps(seen(2))}\n'
    )
    tally = importing(tmp_path / "data").run(file)
    assert [event["messageId"] for event in spooled(tmp_path / "data")] == ["m-1", "m-2"]
    assert [line for line, _ in reasons(tally)] == [2, 3, 4, 6, 7]


def test_a_line_that_was_not_finished(tmp_path: Path) -> None:
    """A last line without its line break is a row; when it turns out to go on, its rest is reported, not imported."""
    file, data = tmp_path / "old.jsonl", tmp_path / "data"
    file.write_bytes(lines([seen(1)]) + json.dumps(seen(2)).encode())
    assert importing(data).run(file).rows == 2
    file.write_bytes(lines([seen(1), seen(2), seen(3)]))
    assert importing(data).run(file).rows == 1, "the line break itself is no row"
    assert [event["messageId"] for event in spooled(data)] == ["m-1", "m-2", "m-3"]
    table = tmp_path / "orders.csv"
    table.write_text("order_id,who,at,total,note\nA-1,lina,2024-05-01,1,half a no")
    assert importing(data, ORDERS).run(table).rows == 1
    table.write_text("order_id,who,at,total,note\nA-1,lina,2024-05-01,1,half a note\nA-2,lina,2024-05-01,2,\n")
    tally = importing(data, ORDERS).run(table)
    assert (tally.rows, tally.refused, tally.events) == (2, 1, 1)
    assert reasons(tally) == [(2, "an earlier import took the first part of this line, which then ended the file")]


def test_a_file_that_ends_in_the_middle_of_its_packing(tmp_path: Path) -> None:
    """What could be unpacked is imported, the error says where it ends, and the whole file brings the rest."""
    whole = gzip.compress(lines(seen(n, properties={"r": random.Random(n).random()}) for n in range(60_000)))
    file, data = tmp_path / "old.jsonl.gz", tmp_path / "data"
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(FileRefused, match="cannot be read behind byte"):
        importing(data).run(file)
    assert 0 < len(spooled(data)) < 60_000
    file.write_bytes(whole)
    importing(data).run(file)
    ids = [event["messageId"] for event in spooled(data)]
    assert ids == [f"m-{n}" for n in range(60_000)]


def test_a_mark_is_never_ahead_of_what_is_stored(tmp_path: Path) -> None:
    """Wherever the spool's last bytes are lost, as in a crash, the next import brings the rows that were in them."""
    file = tmp_path / "old.jsonl"
    file.write_bytes(lines(map(seen, range(5000))))
    chance = random.Random(5)
    for turn in range(6):
        data = tmp_path / f"data-{turn}"
        importing(data).run(file)
        for ledger in (data / "imports").glob("*.json"):
            entry = json.loads(ledger.read_text())
            # As it was written before the first row: a kill leaves no more than this, and the spool.
            ledger.write_text(json.dumps(entry | {"position": 0, "line": 0, "digest": "", "rows": 0}))
        spool = data / "spool" / SPOOL
        segment = segment_path(spool, segment_numbers(spool)[-1])
        with segment.open("r+b") as torn:
            torn.truncate(chance.randrange(SEGMENT_HEADER.size, segment.stat().st_size))
        importing(data).run(file)
        assert [event["messageId"] for event in spooled(data)] == [f"m-{n}" for n in range(5000)]


def test_one_import_at_a_time(tmp_path: Path) -> None:
    """A second import into the same data directory is refused at once, and changes nothing."""
    file = tmp_path / "old.jsonl"
    file.write_bytes(lines([seen(1)]))
    writer = SpoolWriter(tmp_path / "data" / "spool" / SPOOL)
    with pytest.raises(SpoolLocked):
        importing(tmp_path / "data").run(file)
    writer._lock.close()
    assert importing(tmp_path / "data").run(file).rows == 1


def test_a_full_spool_stops_the_import_and_it_goes_on(tmp_path: Path) -> None:
    """Where nobody empties the spool the import ends with what it has stored; with more room it goes on there."""
    file, data = tmp_path / "old.jsonl", tmp_path / "data"
    file.write_bytes(lines(seen(n, properties={"r": random.Random(n).random()}) for n in range(5000)))
    with pytest.raises(SpoolFull):
        importing(data, max_backlog_bytes=20_000).run(file)
    before = len(spooled(data))
    assert 0 < before < 5000
    tally = importing(data).run(file)
    assert (tally.before, tally.rows) == (before, 5000 - before)


def test_an_import_leaves_live_events_their_room(tmp_path: Path) -> None:
    """An import stops at the disk's soft watermark, as the historical lane does, and goes on when there is room."""
    file, data = tmp_path / "old.jsonl", tmp_path / "data"
    file.write_bytes(lines(seen(n) for n in range(3)))
    with pytest.raises(SpoolFull, match="live events"):
        importing(data, soft_free_bytes=2**62).run(file)
    assert not spooled(data)
    waits = iter([True, True, False])
    work = importing(data, soft_free_bytes=2**62, store_runs=lambda: True, stop=lambda: not next(waits, False))
    with pytest.raises(SpoolFull):
        work.run(file)
    assert importing(data, soft_free_bytes=1).run(file).rows == 3


def test_a_disk_that_refuses_is_said_in_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the ledger cannot be written, the command says what and where, not how it was called."""
    file, data = tmp_path / "old.jsonl", tmp_path / "data"
    file.write_bytes(lines([seen(1)]))
    data.mkdir()

    def refuse(ledger: Ledger, entry: Entry) -> None:
        raise OSError(ENOSPC, "No space left on device", str(ledger.directory))

    monkeypatch.setattr(Ledger, "write", refuse)
    result = CliRunner().invoke(import_files, [str(file), "--source", "shop", "--data-dir", str(data)])
    assert result.exit_code == 3
    assert "No space left on device" in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize("engine", ["chdb"], indirect=True)
def test_the_loader_stores_imports(tmp_path: Path, warehouse: Warehouse) -> None:
    """Events of an import are stored with the row's time, the import's time of receipt, environment and source."""
    file, data = tmp_path / "orders.csv", tmp_path / "data"
    orders(file, range(1500))
    importing(data, ORDERS, environment="staging").run(file)
    importing(data, ORDERS, environment="staging", again=True).run(file)
    loader = Loader(warehouse, data / "spool")
    loader.start()
    end = time.monotonic() + 60
    while loader.stats.stored + loader.stats.duplicates < 3000 and time.monotonic() < end:
        time.sleep(0.02)
    loader.stop()
    sql = (
        "SELECT count(), uniqExact(message_id), min(timestamp), min(received_at) > now() - 600,"
        " any(environment), any(library_name) FROM events WHERE source = 'shop'"
    )
    ((count, ids, happened, lately, environment, library),) = warehouse.query(sql).rows
    assert (count, ids, lately, environment, library) == (1500, 1500, 1, "staging", "trackway-import")
    assert str(happened).startswith("2024-05-01 10:00:00")
