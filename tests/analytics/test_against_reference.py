"""
Random logs: the SQL's answers equal those of the brute-force reference, on both engines.

Each also where clients of several revisions sent the log under former names: the answers are the same.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.analytics import reference
from tests.analytics.former_names import STYLES, Style
from tests.analytics.random_logs import HOUR, START, keep, logs
from tests.analytics.reference import Event
from trackway_analytics import Events, step
from trackway_analytics.labels import NO_TOUCH
from trackway_analytics.queries.attribution import MODELS
from trackway_collector.warehouse import Warehouse

# Each example is an insert and a few queries; the fixture's database is shared, each log has a source of its
# own.
examples = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

styles = pytest.mark.parametrize("style", STYLES)


def _is(name: str, event: Event) -> bool:
    return event.name == name


@styles
@examples
@given(
    log=logs(sessions=("", "", "s1", "s2")),
    steps=st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=5),
    within=st.sampled_from([None, timedelta(minutes=30), HOUR, 2 * HOUR]),
    entry=st.sampled_from(["first", "any"]),
    unit=st.sampled_from(["user", "session"]),
)
def test_funnel(
    warehouse: Warehouse,
    style: Style,
    log: list[Event],
    steps: list[str],
    within: timedelta | None,
    entry: Any,
    unit: Any,
) -> None:
    """
    A funnel counts whom the exhaustive search over chains counts, with the same median times; steps never
    grow.
    """
    units = reference.by_person(log) if unit == "user" else reference.by_session(log)
    reached, medians = reference.funnel(
        units,
        [partial(_is, name) for name in steps],
        within,
        entry,
    )
    answer = Events(warehouse).funnel(
        *steps,
        within=within,
        entry=entry,
        unit=unit,
        source=keep(warehouse, log, style),
    )
    assert list(answer.df[answer.units]) == reached
    assert answer.population == len(units)
    assert [None if count == 0 else time for count, time in zip(reached, answer.df["median_time_s"], strict=True)] == (
        pytest.approx(medians)
    )
    assert reached == sorted(reached, reverse=True)


@styles
@examples
@given(log=logs(), entry=st.sampled_from(["first", "any"]))
def test_funnel_with_alternatives_filters_and_breakdown(
    warehouse: Warehouse, style: Style, log: list[Event], entry: Any
) -> None:
    """
    Steps of several events and with filters count what they say; a breakdown's parts add up to the whole.
    """
    steps: list[Callable[[Event], bool]] = [
        lambda e: e.name in ("a", "b"),
        lambda e: e.name == "c" and e.properties["value"] is not None and float(e.properties["value"]) > 2,
        lambda e: e.name in ("a", "c"),
    ]
    reached, _ = reference.funnel(reference.by_person(log), steps, HOUR, entry)
    asked = (step("a", "b"), step("c", where="value > 2"), step("a", "c"))
    source = keep(warehouse, log, style)
    plain = Events(warehouse).funnel(*asked, within=HOUR, entry=entry, source=source)
    broken = Events(warehouse).funnel(
        *asked,
        within=HOUR,
        entry=entry,
        source=source,
        breakdown="value",
        top=2,
    )
    assert list(plain.df["users"]) == reached
    assert broken.population == plain.population
    sums = broken.df.groupby("step")["users"].sum()
    assert [int(sums.get(number, 0)) for number in (1, 2, 3)] == reached
    firsts: Counter[str] = Counter()
    for life in reference.by_person(log):
        value = next((e.properties["value"] for e in life if steps[0](e)), "nobody")
        if value != "nobody":
            firsts["(none)" if value is None else f"{value:g}" if not isinstance(value, str) else value] += 1
    first_steps = broken.df[broken.df["step"] == 1]
    entered = {str(value): count for value, count in zip(first_steps["breakdown"], first_steps["users"], strict=True)}
    named = {value: count for value, count in entered.items() if value != "(other)"}
    assert named == {value: firsts[value] for value in named}
    assert sum(entered.values()) == sum(firsts.values())


# Values and events that read like our own labels, and like what those are called instead.
_LIKE_LABELS = (
    "(none)",
    "(other)",
    "(no touch)",
    '"(none)"',
    '"(other)"',
    '""(other)""',
    '"(no touch)',
    "",
    None,
    "mail",
)
_LIKE_NODES = ("other", "drop-off", "other (event)", "other (event) (event)", "drop-off (event)", "a")


@examples
@given(log=logs(names=("a", "b"), values=_LIKE_LABELS), top=st.integers(1, 4))
def test_values_that_read_like_labels_stay_apart(warehouse: Warehouse, log: list[Event], top: int) -> None:
    """A breakdown has a row for each of its most frequent values, one for the rest, one for none."""
    entered: Counter[str] = Counter()
    for life in reference.by_person(log):
        first = next((event for event in life if event.name == "a"), None)
        if first is not None:
            entered[first.properties["value"] or ""] += 1
    frame = Events(warehouse).funnel("a", breakdown="value", top=top, source=keep(warehouse, log)).df
    found = dict(zip(frame["breakdown"], frame["users"], strict=True))
    assert len(found) == len(frame) == min(len(entered), top + 1), "no label is there twice"
    kept = sorted(entered, key=lambda value: (-entered[value], value.encode()))[:top]
    rest = entered.total() - sum(entered[value] for value in kept)
    assert [int(count) for name, count in found.items() if name == "(other)"] == [rest] * bool(rest)
    assert [int(count) for name, count in found.items() if name == "(none)"] == [entered[""]] * ("" in kept)
    for value in kept:
        if "(" not in value and value:
            assert found[value] == entered[value]
        elif value:
            assert found[f'"{value}"'] == entered[value]


@examples
@given(log=logs(names=("touch", "buy"), values=_LIKE_LABELS))
def test_channels_that_read_like_labels_stay_apart(warehouse: Warehouse, log: list[Event]) -> None:
    """A channel called "(no touch)" is credited apart from the conversions that nothing touched."""
    credit, _ = reference.attribution(
        log,
        touch=lambda event: event.name == "touch",
        conversion=lambda event: event.name == "buy",
        # "?" stands for a touch without a channel: the reference's "" is no touch.
        channel=lambda event: event.properties["value"] or "?",
        lookback=None,
        half_life=HOUR,
    )
    called = {"": NO_TOUCH, "?": "(none)", "mail": "mail"}
    expected = {called.get(name, f'"{name}"'): share for name, share in credit["linear"].items() if share}
    frame = (
        Events(warehouse)
        .attribution(
            conversion="buy",
            touch="touch",
            channel="value",
            lookback=None,
            half_life="1h",
            models=["linear"],
            source=keep(warehouse, log),
        )
        .df
    )
    found = {name: share for name, share in zip(frame["channel"], frame["linear"], strict=True) if share}
    assert found == pytest.approx(expected)
    assert frame["channel"].is_unique


@examples
@given(log=logs(names=_LIKE_NODES))
def test_events_that_read_like_nodes_stay_apart(warehouse: Warehouse, log: list[Event]) -> None:
    """Two events are two nodes, whatever they are called, and none is the node of the rest or of those who stop."""
    expected = reference.paths(reference.by_person(log), start=None, end=None, steps=2, collapse=True)
    firsts: Counter[str] = Counter()
    for path, count in expected.items():
        firsts[path[0]] += count
    nodes = Events(warehouse).paths(steps=2, unit="user", top=10, source=keep(warehouse, log)).nodes
    column = nodes[nodes["column"] == 1]
    found = dict(zip(column["node"], column["users"], strict=True))
    assert found == {name if name == "a" else f"{name} (event)": count for name, count in firsts.items()}


@styles
@examples
@given(
    log=logs(sessions=("", "", "s1", "s2")),
    anchor=st.sampled_from([("a", None), (None, "a"), (None, None), ("never", None)]),
    steps=st.integers(2, 5),
    collapse=st.booleans(),
    unit=st.sampled_from(["user", "session"]),
    top=st.integers(1, 4),
)
def test_paths(
    warehouse: Warehouse,
    style: Style,
    log: list[Event],
    anchor: tuple[str | None, str | None],
    steps: int,
    collapse: bool,
    unit: Any,
    top: int,
) -> None:
    """
    Whole paths are those of the reference; every column adds up to the population; what flows in flows on.
    """
    units = reference.by_person(log) if unit == "user" else reference.by_session(log)
    start, end = anchor
    expected = reference.paths(units, start=start, end=end, steps=steps, collapse=collapse)
    answer = Events(warehouse).paths(
        start=start,
        end=end,
        steps=steps,
        collapse=collapse,
        unit=unit,
        top=top,
        source=keep(warehouse, log, style),
    )
    arrow = " ← " if end else " → "
    found = answer.top(1_000)
    assert dict(zip(found["path"], found[f"{unit}s"], strict=True)) == {
        arrow.join(path): count for path, count in expected.items()
    }
    assert answer.population == expected.total()
    assert answer.total == len(units)
    for column in range(1, steps + 1):
        nodes = answer.nodes[answer.nodes["column"] == column]
        assert nodes[f"{unit}s"].sum() == answer.population
        assert len(nodes) <= top + 2
    frame = answer.df
    for number in range(2, steps):
        arrived = frame[(frame["step"] == number - 1) & (frame["target"] != answer.ended)]
        left = frame[frame["step"] == number]
        assert arrived.groupby("target")[f"{unit}s"].sum().to_dict() == (
            left.groupby("source")[f"{unit}s"].sum().to_dict()
        )


@styles
@examples
@given(log=logs(sessions=("", "s1")), collapse=st.booleans())
def test_transitions(warehouse: Warehouse, style: Style, log: list[Event], collapse: bool) -> None:
    """
    Transitions are the pairs of neighbours of all sessions; the probabilities of each source add up to 1.
    """
    expected: Counter[tuple[str, str]] = Counter()
    for session in reference.by_session(log):
        names = [event.name for event in session]
        pairs = itertools.pairwise(names)
        expected.update(pair for pair in pairs if not collapse or pair[0] != pair[1])
    frame = Events(warehouse).paths(collapse=collapse, source=keep(warehouse, log, style)).transitions()
    assert {(row[0], row[1]): row[2] for row in frame.itertuples(index=False)} == dict(expected)
    if len(frame):
        assert frame.groupby("source")["probability"].sum().to_list() == pytest.approx(
            [1.0] * frame["source"].nunique()
        )


# The clocks of Berlin go forward at 01:00 UTC on 30 March 2025, those of New York back at 06:00 UTC on 2
# November.
_CHANGES = (
    datetime(2025, 3, 29, 20, tzinfo=UTC),
    datetime(2025, 11, 1, 22, tzinfo=UTC),
    datetime(2024, 12, 30, tzinfo=UTC),
)
_STEPS_AROUND = [
    timedelta(minutes=30 * number) for number in (0, 1, 4, 5, 7, 8, 9, 11, 13, 16, 17, 20, 50, 100, 400, 1500, 3000)
]


@styles
@examples
@given(
    data=st.data(),
    period=st.sampled_from(["hour", "day", "week", "month"]),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Auckland"]),
    week_start=st.sampled_from(["monday", "sunday"]),
    first=st.sampled_from(["ever", "range", "recurring"]),
    mode=st.sampled_from(["on", "on_or_after"]),
    start=st.sampled_from([None, "a"]),
    back=st.sampled_from([None, "a", "b"]),
    ranged=st.booleans(),
)
def test_retention(
    warehouse: Warehouse,
    style: Style,
    data: st.DataObject,
    period: Any,
    zone: str,
    week_start: str,
    first: Any,
    mode: Any,
    start: str | None,
    back: str | None,
    ranged: bool,
) -> None:
    """
    Cohorts and returns are those of the reference, in every zone and on days when clocks change; unknown is
    NaN.
    """
    log = data.draw(logs(names=("a", "b"), offsets=_STEPS_AROUND, start=data.draw(st.sampled_from(_CHANGES))))
    since = log[0].at if ranged else None
    number = reference.period_number(period, ZoneInfo(zone), week_start)
    seen = log if first == "ever" or since is None else [event for event in log if event.at >= since]
    sizes, returned = reference.retention(
        seen,
        number,
        start=lambda e: start is None or e.name == start,
        back=lambda e: back is None or e.name == back,
        first=first,
        mode=mode,
        since=since,
        periods=5,
    )
    answer = Events(warehouse).retention(
        start=start, return_=back, period=period, periods=5, first=first, mode=mode,
        tz=zone, week_start=week_start, since=since, source=keep(warehouse, log, style),
    )  # fmt: skip
    frame = answer.long()
    if period != "hour":  # the two hours when clocks go back have one name
        named = zip(frame["cohort"], frame["users"], strict=True)
        found = {number(start.replace(tzinfo=ZoneInfo(zone))): users for start, users in named if users}
        assert found == dict(sizes)
    assert frame[frame["period"] == 0]["users"].to_list() == (
        [sizes[cohort] for cohort in range(min(sizes), max(sizes) + 1)] if sizes else []
    )
    last = max(event.at for event in log)
    cohorts = range(min(sizes), max(sizes) + 1) if sizes else range(0)
    expected_rates = [
        returned[cohort, later] / sizes[cohort]
        if sizes[cohort] and number(last + timedelta(microseconds=1)) > cohort + later
        else float("nan")
        for cohort in cohorts
        for later in range(6)
    ]
    assert frame["rate"].to_list() == pytest.approx(expected_rates, nan_ok=True)


@styles
@examples
@given(
    log=logs(names=("ad", "mail", "visit", "buy", "buy_from_ad")),
    lookback=st.sampled_from([None, timedelta(minutes=30), HOUR, 2 * HOUR]),
    ranged=st.booleans(),
)
def test_attribution(
    warehouse: Warehouse, style: Style, log: list[Event], lookback: timedelta | None, ranged: bool
) -> None:
    """Each model's credits are the reference's, and add up to the conversions; so do the values."""
    since = START + HOUR if ranged else None
    value = {1: 1.0, 2.5: 2.5, "7": 7.0}
    credit, worth = reference.attribution(
        log,
        touch=lambda e: e.name in ("ad", "mail", "buy_from_ad"),
        conversion=lambda e: e.name in ("buy", "buy_from_ad"),
        channel=lambda e: e.name,
        lookback=lookback,
        half_life=HOUR,
        since=since,
        value=lambda e: value.get(e.properties["value"]),
    )
    source = keep(warehouse, log, style, ("ad", "mail", "visit", "buy", "buy_from_ad"))
    for with_value in (None, "value"):
        answer = Events(warehouse).attribution(
            conversion=["buy", "buy_from_ad"],
            touch=["ad", "mail", "buy_from_ad"],
            channel="event",
            lookback=lookback,
            half_life="1h",
            since=since,
            value=with_value,
            source=source,
        )
        frame = answer.df.set_index("channel")
        for model in MODELS:
            expected = {name or NO_TOUCH: share for name, share in credit[model].items() if share}
            assert {name: share for name, share in frame[model].items() if share} == pytest.approx(expected)
            assert frame[model].sum() == pytest.approx(answer.conversions)
            if with_value:
                values = {name or NO_TOUCH: amount for name, amount in worth[model].items() if amount}
                found = {name: amount for name, amount in frame[f"{model}_value"].items() if amount}
                assert found == pytest.approx(values)
