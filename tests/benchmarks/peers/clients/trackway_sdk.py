"""Ours: plain defaults, and with the disk queue. Both check every event against a plan, which the others have not."""

from __future__ import annotations

from tests.benchmarks.peers.clients import EVENT, USER, properties
from trackway import Tracker
from trackway_plan import Choice, EventSpec, Plan, PropertySpec, Release, compile_release


class Memory:
    """The defaults: pending events are in memory."""

    def __init__(self, host: str, directory: str) -> None:
        self._tracker = Tracker("bench", host=host, plan=release(), on_violation="flag")

    def track(self, number: int, extra: str | None = None) -> None:
        self._tracker.track(EVENT, properties(number, extra), user_id=USER)

    def flush(self) -> None:
        self._tracker.flush()

    def close(self) -> None:
        self._tracker.close()


class Disk(Memory):
    """Pending events are on disk as well."""

    def __init__(self, host: str, directory: str) -> None:
        self._tracker = Tracker("bench", host=host, plan=release(), on_violation="flag", queue=directory)


def release() -> Release:
    """Return a plan that knows the event and all its properties."""
    kinds = {
        "order_id": PropertySpec(kind="string", required=True, max_length=40),
        "total": PropertySpec(kind="decimal", required=True),
        "currency": PropertySpec(kind="choice", choices=tuple(Choice(value=code) for code in ("EUR", "USD", "GBP"))),
        "items": PropertySpec(kind="int", min=1),
        "weight_kg": PropertySpec(kind="number", min=0),
        "express": PropertySpec(kind="bool"),
        "coupon": PropertySpec(kind="string", nullable=True),
        "shop": PropertySpec(kind="string"),
        "payment": PropertySpec(kind="choice", choices=(Choice(value="card"), Choice(value="cash"))),
        "categories": PropertySpec(kind="list", of=PropertySpec(kind="string"), max_items=20),
        "n": PropertySpec(kind="int", min=0),
        "note": PropertySpec(kind="string"),
    }
    event = EventSpec(name=EVENT, properties=kinds)
    return compile_release(Plan(name="bench", events={event.name: event}), rev=1)
