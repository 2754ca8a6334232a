"""`connect` and `Events`: where questions are asked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self
from zoneinfo import ZoneInfo

from trackway_analytics.errors import QuestionError, one_of
from trackway_analytics.periods import Period, PeriodName
from trackway_analytics.queries.attribution import MODELS, Attribution, AttributionQuestion
from trackway_analytics.queries.fields import Bindings, Reader
from trackway_analytics.queries.fragments import Scope
from trackway_analytics.queries.funnel import MAX_STEPS, Entry, Funnel, FunnelQuestion
from trackway_analytics.queries.paths import NOT_BEHAVIOUR, Paths, PathsQuestion
from trackway_analytics.queries.retention import First, Mode, Retention, RetentionQuestion
from trackway_analytics.queries.timelines import Unit
from trackway_analytics.steps import Step, Steplike, as_events, as_step
from trackway_analytics.times import Duration, Moment, duration, moment, zone_named
from trackway_plan.environments import ALL, ENVIRONMENTS, PRODUCTION

if TYPE_CHECKING:
    from trackway_collector.warehouse import Warehouse

Sources = str | Iterable[str] | None
SESSION_GAP = "30m"
MAX_PATH_STEPS = 20
MAX_PERIODS = 400


def connect(
    url: str | None = None, *, environment: str = PRODUCTION, tz: str = "UTC", week_start: str = "monday"
) -> Events:
    """
    Return the events of the warehouse at `url`, ready to be asked.

    Without `url`: what TRACKWAY_WAREHOUSE or `trackway.toml` names, else the local store in TRACKWAY_DATA_DIR
    (default `./trackway-data`), which `trackway up` keeps. Questions count events of one `environment`: "production",
    "staging" or "development", or "all" for events of any. `tz` is the time zone of dates and of retention's
    periods; `week_start` is "monday" or "sunday".

    Raises:
        QuestionError: there is no local store; or no such time zone or environment.
        ConfigError: of `trackway_collector.errors`: trackway.toml cannot be read.
        WarehouseUrlError, UnreachableError: of `trackway_collector.warehouse`.
    """
    from trackway_collector.config import load_settings
    from trackway_collector.warehouse import open_warehouse

    settings, _ = load_settings({"warehouse": url})
    where = settings.warehouse or _local_store(settings.data_dir)
    zone = zone_named("tz", tz)
    one_of("week_start", week_start, ("monday", "sunday"))
    one_of("environment", environment, (*ENVIRONMENTS, ALL))
    return Events(open_warehouse(where), zone, week_start, environment)


def _local_store(data_dir: Path) -> str:
    directory = data_dir.resolve()
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

    Asking costs nothing: an answer runs its query when its data is first needed. Options are by keyword;
    durations are "30m", "7d" or a timedelta; times are ISO 8601, a date or a datetime, without zone in that
    of `connect(tz=…)`.
    """

    warehouse: Warehouse
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    week_start: str = "monday"
    environment: str = PRODUCTION

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
        where: str | None = None,
        environment: str | None = None,
        session_gap: Duration = SESSION_GAP,
    ) -> Funnel:
        """
        Return how many users or sessions took `steps` in order, and where the others stopped.

        Args:
            steps: event names, or `step("cart", "wishlist", where="price > 10")`; 1 to 32.
            within: each later step comes at most this long after the first; None: no limit.
            entry: "first" follows each unit from its first step-1 event only; "any" lets each step-1 event
                start an attempt and counts the furthest, which gives higher numbers.
            unit: "user" or "session" (the client's session id, else `session_gap` without an event ends it).
            breakdown: a property or column whose value at the unit's first step-1 event splits the answer.
            top: how many of its values to tell apart; the rest is "(other)".
            since, until: events with since ≤ timestamp < until.
            source: one source or several; None: all.
            where: a filter on all events of the question, in the language of `queries/where.py`.
            environment: "production", "staging", "development", or "all"; None: that of `connect`.

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
            steps=tuple(_checked(as_step(f"step {number}", item)) for number, item in enumerate(steps, 1)),
            within=None if within is None else duration("within", within),
            entry=entry,
            unit=unit,
            breakdown=breakdown,
            top=top,
            session_gap=duration("session_gap", session_gap),
            scope=self._scope(since, until, source, where, environment),
        )
        return Funnel(self.warehouse, question)

    def paths(
        self,
        *,
        start: str | Iterable[str] | None = None,
        end: str | Iterable[str] | None = None,
        steps: int = 5,
        unit: Unit = "session",
        collapse: bool = True,
        exclude: Iterable[str] = NOT_BEHAVIOUR,
        top: int = 8,
        since: Moment | None = None,
        until: Moment | None = None,
        source: Sources = None,
        where: str | None = None,
        environment: str | None = None,
        session_gap: Duration = SESSION_GAP,
    ) -> Paths:
        """
        Return what sessions or users did, event by event, with "drop-off" and "other" so that each column
        adds up.

        Args:
            start: paths from the unit's first event of this name (one of these names) on.
            end: paths back from the unit's first event of this name. Neither: from the unit's first event on.
            steps: how many columns, the start or end among them; 2 to 20.
            unit: "session" (the client's session id, else `session_gap` without an event ends a session) or
                "user".
            collapse: count an event that follows the same event as one.
            exclude: events to look past; default: identify, group and alias calls.
            top: how many events to tell apart in a column; the rest is "other".
            since, until, source, where, environment: as for `funnel`.

        Raises:
            QuestionError: an option makes no sense; the message says which and what to write.
        """
        if start is not None and end is not None:
            message = "paths lead from `start` on or back from `end`; give one of them."
            raise QuestionError(message)
        if not isinstance(steps, int) or not 2 <= steps <= MAX_PATH_STEPS:
            message = f"steps={steps!r} must be a whole number from 2 to {MAX_PATH_STEPS}."
            raise QuestionError(message)
        one_of("unit", unit, ("user", "session"))
        _positive("top", top)
        anchor = as_events("end" if end is not None else "start", end if end is not None else start)
        left_out = (exclude,) if isinstance(exclude, str) else tuple(exclude)
        if hidden := set(anchor.events) & set(left_out):
            message = f"exclude hides {', '.join(sorted(hidden))}, which is where the paths are to start or end."
            raise QuestionError(message)
        question = PathsQuestion(
            anchor=anchor.events,
            direction="after" if end is None else "before",
            steps=steps,
            unit=unit,
            collapse=bool(collapse),
            exclude=left_out,
            top=top,
            session_gap=duration("session_gap", session_gap),
            scope=self._scope(since, until, source, where, environment),
        )
        return Paths(self.warehouse, question)

    def retention(
        self,
        *,
        start: Steplike | Iterable[Steplike] | None = None,
        return_: Steplike | Iterable[Steplike] | None = None,
        period: PeriodName = "week",
        periods: int = 8,
        first: First = "ever",
        mode: Mode = "on",
        tz: str | None = None,
        week_start: str | None = None,
        since: Moment | None = None,
        until: Moment | None = None,
        source: Sources = None,
        where: str | None = None,
        environment: str | None = None,
    ) -> Retention:
        """
        Return how many users of each cohort came back 0, 1, … `periods` periods later; NaN where it is not
        known yet.

        Args:
            start: the event, or events, with which a user starts; None: any event.
            return_: the event, or events, that count as coming back; None: any event.
            period: "hour", "day", "week" or "month" of the calendar in `tz`.
            periods: how many periods after the start to look at; 1 to 400.
            first: "ever": a user belongs to the period of their first start event ever; "range": of their
                first since
                `since`; "recurring": of every period in which they start.
            mode: "on": came back in that period; "on_or_after": in that period or later.
            tz, week_start: default: those of `connect`.
            since, until, source, where, environment: as for `funnel`; with first="ever", what came before `since` is
                looked at too, to know who is new.

        Raises:
            QuestionError: an option makes no sense; the message says which and what to write.
        """
        one_of("period", period, ("hour", "day", "week", "month"))
        one_of("first", first, ("ever", "range", "recurring"))
        one_of("mode", mode, ("on", "on_or_after"))
        if not isinstance(periods, int) or not 1 <= periods <= MAX_PERIODS:
            message = f"periods={periods!r} must be a whole number from 1 to {MAX_PERIODS}."
            raise QuestionError(message)
        zone = self.zone if tz is None else zone_named("tz", tz)
        starts = one_of("week_start", week_start or self.week_start, ("monday", "sunday"))
        question = RetentionQuestion(
            start=_checked(as_events("start", start)),
            return_=_checked(as_events("return_", return_)),
            period=Period(period, zone, starts),
            periods=periods,
            first=first,
            mode=mode,
            scope=self._scope(since, until, source, where, environment),
        )
        return Retention(self.warehouse, question)

    def attribution(
        self,
        *,
        conversion: Steplike | Iterable[Steplike],
        touch: Steplike | Iterable[Steplike] | None = None,
        channel: str = "campaign_source",
        models: Iterable[str] = MODELS,
        lookback: Duration | None = "30d",
        half_life: Duration = "7d",
        value: str | None = None,
        since: Moment | None = None,
        until: Moment | None = None,
        source: Sources = None,
        where: str | None = None,
        environment: str | None = None,
    ) -> Attribution:
        """
        Return how the conversions are credited to the channels of the touches before them.

        Args:
            conversion: the event, or events; each occurrence is one conversion.
            touch: the event, or events, that are touches; None: every event that has a `channel`.
            channel: the property or column that names a touch's channel.
            models: any of "first", "last", "linear", "position" (40/20/40) and "time_decay".
            lookback: how long before a conversion touches count; None: for ever. Touches before `since` count
                too.
            half_life: of the weight of a touch under "time_decay".
            value: a property of the conversion to credit as well, such as its price.
            since, until, source, where, environment: as for `funnel`; `since` is about the conversions.

        Raises:
            QuestionError: an option makes no sense; the message says which and what to write.
        """
        chosen = (models,) if isinstance(models, str) else tuple(dict.fromkeys(models))
        if not chosen:
            message = f"models names none. Known: {', '.join(MODELS)}."
            raise QuestionError(message)
        for model in chosen:
            one_of("models", model, MODELS)
        if not channel or not isinstance(channel, str):
            message = f'channel={channel!r} names no property or column. Write channel="campaign_source", say.'
            raise QuestionError(message)
        question = AttributionQuestion(
            conversion=_checked(as_events("conversion", conversion)),
            touch=None if touch is None else _checked(as_events("touch", touch)),
            channel=channel,
            models=chosen,
            lookback=None if lookback is None else duration("lookback", lookback),
            half_life=duration("half_life", half_life),
            value=value,
            scope=self._scope(since, until, source, where, environment),
        )
        return Attribution(self.warehouse, question)

    def _scope(
        self,
        since: Moment | None,
        until: Moment | None,
        source: Sources,
        where: str | None,
        environment: str | None,
    ) -> Scope:
        start = None if since is None else moment("since", since, self.zone)
        end = None if until is None else moment("until", until, self.zone)
        if start and end and start >= end:
            message = f"since={since!r} is not before until={until!r}; no event can lie between."
            raise QuestionError(message)
        sources = () if source is None else (source,) if isinstance(source, str) else tuple(source)
        if environment is not None:
            one_of("environment", environment, (*ENVIRONMENTS, ALL))
        scope = Scope(start, end, sources, where, self.environment if environment is None else environment)
        # A filter that cannot be read is an error now, not when the answer is looked at.
        scope.filter(Reader(Bindings()))
        return scope

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


def _checked(step: Step) -> Step:
    """Return `step`; a filter that cannot be read is an error now, not when the answer is looked at."""
    step.condition(Reader(Bindings()), "step")
    return step
