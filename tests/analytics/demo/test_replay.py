"""The bundled logs and the calls that they become."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from importlib.resources import files

import pytest

from trackway_analytics.demo.replay import (
    CONVERTED_AT,
    LOGS,
    TOTAL_EVENTS,
    Log,
    air_calls,
    channel_calls,
    shop_calls,
)

DATA = files("trackway_analytics.demo") / "data"


@pytest.mark.parametrize("log", LOGS, ids=lambda log: log.source)
def test_a_log_makes_as_many_calls_as_it_says(log: Log) -> None:
    """The demo's ledger expects the counts that the generators give."""
    assert sum(1 for _ in log.calls()) == log.events


def test_all_logs_together_are_168156_events() -> None:
    """30,943 of the app, 31,106 of the shop, 86,322 touches and 19,785 conversions."""
    assert TOTAL_EVENTS == 30_943 + 31_106 + 86_322 + 19_785 == 168_156


def test_the_app_keeps_every_microsecond() -> None:
    """The first row of the file, whose time stamp ends in …195002 µs, arrives with these digits."""
    first = next(air_calls())
    assert (first.event, first.user_id) == ("onboarding_welcome_screen", "19abd470e3fe588ae02c83973d4e8dea")
    assert first.timestamp == datetime(2018, 10, 1, 14, 56, 14, 195002, tzinfo=UTC)
    assert len({call.user_id for call in air_calls()}) == 4_139
    assert len({call.event for call in air_calls()}) == 18


def test_the_shop_sends_its_sessions_and_user_columns() -> None:
    """Sessions travel where every client sends them, in the context; the other columns are properties."""
    first = next(shop_calls())
    assert first.context == {"sessionId": "sess_000001"}
    assert first.properties == {
        "platform": "desktop",
        "acquisition_channel": "email",
        "user_cohort": "2024-01",
        "user_lifecycle": "returning",
    }
    assert len({call.context["sessionId"] for call in shop_calls()}) == 3_605
    assert len({call.user_id for call in shop_calls()}) == 600


def test_a_journey_is_its_path_an_hour_apart_and_then_the_conversion() -> None:
    """The first path of the sample, eta > iota > alpha > eta with one conversion, is one person's journey."""
    calls = channel_calls()
    journey = [next(calls) for _ in range(5)]
    assert {call.user_id for call in journey} == {"journey_000001"}
    assert [call.properties.get("channel") for call in journey] == ["eta", "iota", "alpha", "eta", None]
    assert [call.event for call in journey] == ["touch"] * 4 + ["conversion"]
    assert [CONVERTED_AT - call.timestamp for call in journey] == [timedelta(hours=h) for h in (4, 3, 2, 1, 0)]


def test_every_conversion_of_the_sample_is_one_person() -> None:
    """A row that counts n conversions becomes n people, so credits of all models sum to 19,785."""
    events = Counter(call.event for call in channel_calls())
    people = {call.user_id for call in channel_calls() if call.event == "conversion"}
    assert events == {"touch": 86_322, "conversion": 19_785}
    assert len(people) == 19_785


def test_the_files_are_those_that_the_readme_names() -> None:
    """The check sums in the data's README are those of the files beside it."""
    stated = re.findall(r"^([0-9a-f]{64})  (\S+)$", (DATA / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    found = [(hashlib.sha256((DATA / name).read_bytes()).hexdigest(), name) for _, name in stated]
    assert len(stated) == 3
    assert stated == found
