"""`connect` and `Events`: where questions are asked."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self
from zoneinfo import ZoneInfo

from trackway_analytics.errors import QuestionError, one_of
from trackway_analytics.queries.fragments import Scope
from trackway_analytics.queries.funnel import MAX_STEPS, Entry, Funnel, FunnelQuestion
from trackway_analytics.queries.timelines import Unit
from trackway_analytics.steps import Steplike, as_step
from trackway_analytics.times import Duration, Moment, duration, moment, zone_named

if TYPE_CHECKING:
    from trackway_collector.warehouse import Warehouse

Sources = str | Iterable[str] | None
SESSION_GAP = "30m"


def connect(url: str | None = None, *, tz: str = "UTC", week_start: str = "monday") -> Events:
    """
    Return the events of the warehouse at `url`, ready to be asked.

    Without `url`: TRACKWAY_WAREHOUSE, else the local store in TRACKWAY_DATA_DIR (default `./trackway-data`), which
    `trackway up` keeps. `tz` is the time zone of dates and of retention's periods, `week_start` is "monday" or
    "sunday".

    Raises:
        QuestionError: there is no local store; or no such time zone.
        WarehouseUrlError, UnreachableError: of `trackway_collector.warehouse`.
    """
    from trackway_collector.warehouse import open_warehouse

    where = url or os.environ.get("TRACKWAY_WAREHOUSE") or _local_store()
    zone = zone_named("tz", tz)
    one_of("week_start", week_start, ("monday", "sunday"))
    return Events(open_warehouse(where), zone, week_start)


def _local_store() -> str:
    directory = Path(os.environ.get("TRACKWAY_DATA_DIR", "trackway-data")).resolve()
    if not (directory / "chdb").is_dir():
        message = (
            f"There is no local store in {directory}.\n"
            "  Start one with `trackway up` or `trackway demo`, or say where the warehouse is:"
            ' connect("clickhouse://user:password@host:8123/trackway"), or TRACKWAY_WAREHOUSE.'
        )
        raise QuestionError(message)
    return f"chdb://{directory / 'chdb'}"


@dataclass(frozen=True)
class Events:
    """
    The events in a warehouse, and the questions one can ask about them.

    Asking costs nothing: an answer runs its query when its data is first needed. Options are by keyword; durations are
    "30m", "7d" or a timedelta; times are ISO 8601, a date or a datetime, without zone in the zone of `connect(tz=…)`.
    """

    warehouse: Warehouse
    zone: ZoneInfo = ZoneInfo("UTC")
    week_start: str = "monday"

    def funnel(
        self,
        *steps: Steplike,
        within: Duration | None = "7d",
        entry: Entry = "first",
        unit: Unit = "user",
        breakdown: str | None = None,
        top: int = 10,
        since: Moment | None = None,
        until: Moment | None = None,
        source: Sources = None,
        session_gap: Duration = SESSION_GAP,
    ) -> Funnel:
        """
        Return how many users or sessions took `steps` in order, and where the others stopped.

        Args:
            steps: event names, or `step("cart", "wishlist", where="price > 10")`; 1 to 32.
            within: each later step comes at most this long after the first; None: no limit.
            entry: "first" follows each unit from its first step-1 event only; "any" lets each step-1 event start an
                attempt and counts the furthest. The second gives higher numbers; answers say which it was.
            unit: "user" or "session" (the client's session id, else `session_gap` without an event ends a session).
            breakdown: a property or column whose value at the unit's first step-1 event splits the answer.
            top: how many of its values to tell apart; the rest is "(other)".
            since, until: events with since ≤ timestamp < until.
            source: one source or several; None: all.

        Raises:
            QuestionError: an option makes no sense; the message says which and what to write.
        """
        if not 1 <= len(steps) <= MAX_STEPS:
            message = f"A funnel has 1 to {MAX_STEPS} steps; these are {len(steps)}."
            raise QuestionError(message)
        one_of("entry", entry, ("first", "any"))
        one_of("unit", unit, ("user", "session"))
        _positive("top", top)
        question = FunnelQuestion(
            steps=tuple(as_step(f"step {number}", item) for number, item in enumerate(steps, 1)),
            within=None if within is None else duration("within", within),
            entry=entry,
            unit=unit,
            breakdown=breakdown,
            top=top,
            session_gap=duration("session_gap", session_gap),
            scope=self._scope(since, until, source),
        )
        return Funnel(self.warehouse, question)

    def _scope(self, since: Moment | None, until: Moment | None, source: Sources) -> Scope:
        start = None if since is None else moment("since", since, self.zone)
        end = None if until is None else moment("until", until, self.zone)
        if start and end and start >= end:
            message = f"since={since!r} is not before until={until!r}; no event can lie between."
            raise QuestionError(message)
        sources = () if source is None else (source,) if isinstance(source, str) else tuple(source)
        return Scope(start, end, sources)

    def close(self) -> None:
        """Let go of the warehouse."""
        self.warehouse.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _positive(option: str, value: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 100_000:
        message = f"{option}={value!r} must be a whole number from 1 to 100,000."
        raise QuestionError(message)
