"""
The bundled logs as calls to `Tracker.track`: what an app would have said, row by row, in the order of the
log.

| source     | person               | time                                     | properties            |
| ---------- | -------------------- | ---------------------------------------- | --------------------- |
| `air`      | `user_pseudo_id`     | `event_timestamp`, microseconds          | none                  |
| `shop`     | `user_id`            | `timestamp`, read as UTC                 | the four user columns |
| `channels` | invented, one a journey | none in the sample: laid an hour apart | `channel` of a touch  |

A row of the channel sample that counts n conversions is n journeys on the same path. Each gets its own
person, whose touches lie one hour apart and whose `conversion` follows an hour after the last touch. All
conversions fall on one moment, because the sample says nothing about when.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import Any

CONVERTED_AT = datetime(2024, 7, 1, 12, tzinfo=UTC)
TOUCH_SPACING = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Call:
    """The arguments of one `Tracker.track` call."""

    event: str
    user_id: str
    timestamp: datetime
    properties: dict[str, Any]
    context: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Log:
    """One bundled log: the source it is sent as, how many events it makes, and the calls themselves."""

    source: str
    title: str
    events: int
    calls: Callable[[], Iterator[Call]]


def rows(file: str) -> Iterator[dict[str, str]]:
    """Yield the rows of a bundled `*.csv.gz` as dictionaries, in file order."""
    path = files("trackway_analytics.demo") / "data" / file
    with path.open("rb") as raw, gzip.open(raw, "rt", encoding="utf-8", newline="") as text:
        yield from csv.DictReader(text)


def air_calls() -> Iterator[Call]:
    """Yield the 30,943 calls of the real mobile app's day."""
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    for row in rows("app_in_the_air.csv.gz"):
        # Integer microseconds: `fromtimestamp(µs / 1e6)` would round some of them.
        timestamp = epoch + timedelta(microseconds=int(row["event_timestamp"]))
        yield Call(row["event_name"], row["user_pseudo_id"], timestamp, {}, {})


def shop_calls() -> Iterator[Call]:
    """Yield the 31,106 calls of the synthetic shop; its session ids travel as `context.sessionId`."""
    for row in rows("ecom_incidents.csv.gz"):
        properties = {name: row[name] for name in ("platform", "acquisition_channel", "user_cohort", "user_lifecycle")}
        timestamp = datetime.fromisoformat(row["timestamp"]).replace(tzinfo=UTC)
        yield Call(row["event"], row["user_id"], timestamp, properties, {"sessionId": row["session_id"]})


def channel_calls() -> Iterator[Call]:
    """Yield 86,322 touches and 19,785 conversions: the converting journeys of the sample, one person each."""
    journey = 0
    for row in rows("channel_paths.csv.gz"):
        path = row["path"].split(" > ")
        times = [CONVERTED_AT - TOUCH_SPACING * back for back in range(len(path), 0, -1)]
        for _ in range(int(row["total_conversions"])):
            journey += 1
            person = f"journey_{journey:06d}"
            for channel, timestamp in zip(path, times, strict=True):
                yield Call("touch", person, timestamp, {"channel": channel}, {})
            yield Call("conversion", person, CONVERTED_AT, {}, {})


LOGS: tuple[Log, ...] = (
    Log("air", "App in the Air, a real app's onboarding", 30_943, air_calls),
    Log("shop", "a synthetic shop with planted incidents", 31_106, shop_calls),
    Log("channels", "a sample of marketing journeys", 106_107, channel_calls),
)
TOTAL_EVENTS = sum(log.events for log in LOGS)
