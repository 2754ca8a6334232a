"""The ingest benchmark's plan and payload: 50 events, 10 planned properties each, about 590 bytes an event."""

from __future__ import annotations

import json
from pathlib import Path

from trackway_plan import Release, compile_release, load_plan

SOURCE = "bench"
WRITE_KEY = "bench-key"
EVENTS = 50

_PLAN = """\
plan: bench
format: 1
sources:
  bench: {kind: server, sdk: python}
"""

_EVENT = """\
event: order_completed_%(number)d
summary: An order was completed (variant %(number)d).
owner: bench
sent_by: [bench]
properties:
  order_id: {type: string, required: true, max_length: 40, pii: none}
  total: {type: number, required: true, min: 0, pii: none}
  currency: {type: string, required: true, max_length: 3, pii: none}
  items: {type: int, required: true, min: 1, pii: none}
  coupon: {type: string, max_length: 40, pii: none}
  payment_method: {type: choice, required: true, choices: [card, wallet, invoice], pii: none}
  is_gift: {type: bool, required: true, pii: none}
  shipping: {type: number, required: true, pii: none}
  city: {type: string, required: true, max_length: 60, pii: none}
  note: {type: string, max_length: 200, pii: none}
"""


def release(directory: Path) -> Release:
    """Return the benchmark's plan, written to and compiled from `directory`."""
    events = directory / "events" / "orders"
    events.mkdir(parents=True)
    (directory / "plan.yaml").write_text(_PLAN)
    for number in range(EVENTS):
        (events / f"order_completed_{number}.yaml").write_text(_EVENT % {"number": number})
    return compile_release(load_plan(directory), rev=1)


def event(number: int, message_id: str, plan_hash: str) -> dict[str, object]:
    """Return one event as the SDK would send it, stamped with the plan's hash."""
    return {
        "type": "track",
        "event": f"order_completed_{number % EVENTS}",
        "messageId": message_id,
        "userId": f"user_{number * 7919 % 100_000:06d}",
        "timestamp": "2026-11-22T15:20:30.123456Z",
        "context": {
            "library": {"name": "trackway-python", "version": "0.1.0"},
            "protocols": {"plan": "bench", "rev": 1, "hash": plan_hash},
        },
        "properties": {
            "order_id": f"A-{number:08d}",
            "total": 12.5 + number,
            "currency": "EUR",
            "items": 1 + number % 9,
            "coupon": "WELCOME10",
            "payment_method": ("card", "wallet", "invoice")[number % 3],
            "is_gift": number % 2 == 0,
            "shipping": 4.99,
            "city": ("Berlin", "Lisboa", "Madrid", "Oslo")[number % 4],
            "note": f"please ring twice, third floor on the left; parcel {number:05d} goes to the neighbour",
        },
    }


ID_MARK = "@@@@@@@@-@@@@-@@@@-@@@@-@@@@@@@@@@@@"
"""Stands where the load generator writes a unique id, 36 characters as a UUID."""


def write_bodies(path: Path, events: int, plan_hash: str, *, wrong: bool = False) -> Path:
    """Write the different bodies, one a line, and return the path."""
    path.write_text("\n".join(body(number, events, plan_hash, wrong=wrong) for number in range(EVENTS)) + "\n")
    return path


def body(number: int, events: int, plan_hash: str, *, wrong: bool = False) -> str:
    """Return the `number`-th of the different bodies, ids to be filled in; `wrong`: all violate the plan."""
    batch = [event(number * events + position, ID_MARK, plan_hash) for position in range(events)]
    if wrong:
        batch = [one | {"properties": one["properties"] | {"items": "two"}} for one in batch]  # type: ignore[operator]
    return json.dumps({"batch": batch, "sentAt": "2026-11-22T15:20:30.223456Z"}, separators=(",", ":"))
