"""Event logs of tests: small invented ones as rows, and the bundled data sets."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_hex
from typing import Any

import trackway_analytics
from trackway_collector.warehouse import Warehouse

DATA = Path(trackway_analytics.__file__).parent / "demo" / "data"
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)

Row = dict[str, Any]


def row(person: str, event: str, at: datetime | float, *, message_id: str = "", **columns: Any) -> Row:
    """Return one event; a number for `at` is seconds after NOON on Monday 2 March 2026."""
    time = at if isinstance(at, datetime) else NOON + timedelta(seconds=at)
    stamp = time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    return {
        "source": "web",
        "type": "track",
        "event": event,
        "message_id": message_id or f"{stamp}-{token_hex(4)}",
        "person_id": person,
        "timestamp": stamp,
        "received_at": "2026-03-02 12:00:00.000000",
        **columns,
    }


def store(warehouse: Warehouse, rows: Iterable[Mapping[str, Any]]) -> None:
    """Insert the rows as one block."""
    text = "".join(json.dumps(item) + "\n" for item in rows)
    warehouse.insert_rows("events", text.encode(), token=token_hex(8), query_id=token_hex(8))


def shop() -> Iterator[Row]:
    """The 31,106 events of the shop, source `shop`."""
    for number, line in enumerate(_csv("ecom_incidents")):
        yield row(
            line["user_id"],
            line["event"],
            datetime.fromisoformat(line["timestamp"]).replace(tzinfo=UTC),
            message_id=f"shop-{number:06d}",
            source="shop",
            session_id=line["session_id"],
            properties={
                name: line[name] for name in ("platform", "acquisition_channel", "user_cohort", "user_lifecycle")
            },
        )


def air() -> Iterator[Row]:
    """The 30,943 events of the app, source `air`."""
    for number, line in enumerate(_csv("app_in_the_air")):
        at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(line["event_timestamp"]))
        yield row(line["user_pseudo_id"], line["event_name"], at, message_id=f"air-{number:06d}", source="air")


def channels() -> Iterator[Row]:
    """The 19,785 converting journeys, touches an hour apart before the conversion, source `channels`."""
    journey = number = 0
    for line in _csv("channel_paths"):
        path = line["path"].split(" > ")
        for _ in range(int(line["total_conversions"])):
            journey += 1
            for position, channel in enumerate([*path, None]):
                number += 1
                yield row(
                    f"journey_{journey:06d}",
                    "touch" if channel else "conversion",
                    NOON - timedelta(hours=len(path) - position),
                    message_id=f"channels-{number:06d}",
                    source="channels",
                    properties={"channel": channel} if channel else {},
                )


def _csv(name: str) -> Iterator[dict[str, str]]:
    with gzip.open(DATA / f"{name}.csv.gz") as packed, io.TextIOWrapper(packed, encoding="utf-8") as text:
        yield from csv.DictReader(text)
