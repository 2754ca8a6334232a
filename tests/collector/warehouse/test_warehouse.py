"""What any warehouse does, on the embedded engine and on a server."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from decimal import Decimal

import msgspec
import pytest

from trackway_collector.warehouse import Terminal, Transient, Warehouse

NOON = "2026-05-01T12:00:00.123456Z"


def rows(*message_ids: str, **columns: object) -> bytes:
    """JSONEachRow for events of the shop, one per message id."""
    base = {
        "source": "shop",
        "event": "Order Completed",
        "person_id": "mira",
        "timestamp": NOON,
        "received_at": NOON,
    }
    return b"".join(msgspec.json.encode({**base, "message_id": each, **columns}) + b"\n" for each in message_ids)


def count(warehouse: Warehouse) -> int:
    found: int = warehouse.query("SELECT count() FROM events").one()
    return found


def test_inserted_rows_read_back(warehouse: Warehouse) -> None:
    """Columns keep microseconds and UTC; what was not sent is empty."""
    warehouse.insert_rows("events", rows("m1"), token="t1", query_id="load-1")
    found = warehouse.query("SELECT message_id, timestamp, sent_at, user_id, violations FROM events")
    assert found.columns == ("message_id", "timestamp", "sent_at", "user_id", "violations")
    assert found.types[1] == "DateTime64(6, 'UTC')"
    assert found.rows == [("m1", datetime(2026, 5, 1, 12, 0, 0, 123456, tzinfo=UTC), None, "", [])]


def test_the_same_token_stores_once(warehouse: Warehouse) -> None:
    """A retry with its token changes nothing; another token stores again."""
    for attempt, token in enumerate(["block-1", "block-1", "block-2"]):
        warehouse.insert_rows("events", rows("m1", "m2"), token=token, query_id=f"load-{attempt}")
    assert count(warehouse) == 4


def test_one_call_is_one_part(warehouse: Warehouse) -> None:
    """However many rows, a block is written whole: one part, so all of it or none."""
    many = rows(*(f"m{number}" for number in range(20_000)), page_title="x" * 500)
    warehouse.insert_rows("events", many, token="t", query_id="load")
    assert warehouse.query("SELECT count(), uniqExact(_part) FROM events").rows == [(20_000, 1)]


def test_a_row_that_cannot_be_stored_is_terminal_and_takes_its_block_along(warehouse: Warehouse) -> None:
    """Bad data carries ClickHouse's code and name, and nothing of the block is in the table."""
    bad = rows("m1", "m2") + rows("m3", timestamp="yesterday")
    with pytest.raises(Terminal) as raised:
        warehouse.insert_rows("events", bad, token="t", query_id="load")
    assert (raised.value.code, raised.value.name) == (41, "CANNOT_PARSE_DATETIME")
    assert count(warehouse) == 0


def test_a_table_that_is_behind_is_worth_waiting_for(warehouse: Warehouse) -> None:
    """A missing table, or a column the table lacks, is Transient: rows are not at fault."""
    with pytest.raises(Transient) as missing:
        warehouse.insert_rows("nowhere", rows("m1"), token="t", query_id="load-1")
    assert missing.value.name == "UNKNOWN_TABLE"
    with pytest.raises(Transient, match="Unknown field"):
        warehouse.insert_rows("events", rows("m1", colour="red"), token="t", query_id="load-2")


def test_a_wrong_query_is_terminal(warehouse: Warehouse) -> None:
    """Asking again would not help, and the message is ClickHouse's own."""
    with pytest.raises(Terminal) as raised:
        warehouse.query("SELECT colour FROM events")
    assert (raised.value.code, raised.value.name) == (47, "UNKNOWN_IDENTIFIER")
    assert str(raised.value).startswith("Code: 47. DB::Exception: Unknown expression identifier `colour`")


def test_parameters_arrive_as_they_are(warehouse: Warehouse) -> None:
    """Quotes, backslashes, tabs and microseconds survive, alone and in arrays."""
    noon = datetime(2026, 5, 1, 12, 0, 0, 123456, tzinfo=UTC)
    nasty = "O'Brien\\\t\n{x:String}"
    found = warehouse.query(
        "SELECT {s:String} AS s, {a:Array(String)} AS a, {t:DateTime64(6,'UTC')} AS t,"
        " {ts:Array(DateTime64(6,'UTC'))} AS ts, {n:Nullable(Int64)} AS n, {b:Bool} AS b, {d:Date} AS d,"
        " {m:Decimal(18,4)} AS m, {f:Float64} AS f",
        {"s": nasty, "a": [nasty, ""], "t": noon, "ts": [noon], "n": None, "b": True}
        | {"d": date(2026, 5, 1), "m": Decimal("12.3456"), "f": 0.1},
    )
    (row,) = found.rows
    assert row == (nasty, [nasty, ""], noon, [noon], None, True, date(2026, 5, 1), Decimal("12.3456"), 0.1)


def test_a_time_without_zone_is_refused(warehouse: Warehouse) -> None:
    """A naive datetime could mean any hour; the message names the parameter."""
    with pytest.raises(ValueError, match=r"parameter `since`: .* has no time zone"):
        warehouse.query("SELECT {since:DateTime}", {"since": datetime(2026, 5, 1)})  # noqa: DTZ001


def test_an_empty_result_has_its_columns(warehouse: Warehouse) -> None:
    """No rows still have names, types and, as a DataFrame, dtypes."""
    sql = "SELECT message_id, timestamp, offset, sent_at FROM events"
    assert warehouse.query(sql).columns == ("message_id", "timestamp", "offset", "sent_at")
    assert warehouse.query(sql).types[2] == "UInt64"
    empty = warehouse.query_df(sql).dtypes
    warehouse.insert_rows("events", rows("m1"), token="t", query_id="load")
    assert warehouse.query_df(sql).dtypes.equals(empty)


def test_results_come_in_any_format(warehouse: Warehouse) -> None:
    """`query_bytes` gives the format's bytes as they are, none for no rows in RowBinary."""
    assert warehouse.query_bytes("SELECT {n:UInt16}, 'ab'", {"n": 258}, fmt="RowBinary") == b"\x02\x01\x02ab"
    assert warehouse.query_bytes("SELECT 1 WHERE 0", fmt="RowBinary") == b""


def test_settings_hold_for_one_query(warehouse: Warehouse) -> None:
    """They reach the engine, and the next query does not see them."""
    sql = "SELECT value FROM system.settings WHERE name = 'max_threads' AND changed"
    assert warehouse.query(sql, settings={"max_threads": 3}).rows == [("3",)]
    assert warehouse.query(sql).rows == []


def test_several_threads_share_a_warehouse(warehouse: Warehouse) -> None:
    """Inserts and queries of several threads run side by side, and each gets its own answer."""

    def load(number: int) -> int:
        warehouse.insert_rows("events", rows(f"m{number}"), token=f"t{number}", query_id=f"load-{number}")
        found: int = warehouse.query("SELECT {n:Int64}", {"n": number}).one()
        return found

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(load, range(24))) == list(range(24))
    assert count(warehouse) == 24


def test_a_running_query_is_seen_and_can_be_cancelled(warehouse: Warehouse) -> None:
    """A slow insert is running under its id; cancelled, it is Transient and stores nothing."""
    # 2.5 s in one block, just under the 3 s that the engine lets a block sleep.
    warehouse.command(
        "CREATE TABLE slow (x Int64, y Int64 DEFAULT x + sleepEachRow(0.025)) ENGINE = MergeTree ORDER BY x"
    )
    failures: list[Exception] = []
    name = f"slow-{warehouse.database}"

    def insert() -> None:
        try:
            body = b"".join(b'{"x":%d}\n' % number for number in range(100))
            warehouse.insert_rows("slow", body, token="t", query_id=name)
        except Transient as error:
            failures.append(error)

    thread = threading.Thread(target=insert)
    thread.start()
    seen = False
    while thread.is_alive():
        if warehouse.query_is_running(name):
            seen = True
            warehouse.cancel_query(name)
        thread.join(0.05)
    assert seen
    assert len(failures) == 1
    assert not warehouse.query_is_running(name)
    assert warehouse.query("SELECT count() FROM slow").one() == 0
