"""PostHog's clients, with what posthog-python 7.91 sent and what posthog-js is documented to send."""

from __future__ import annotations

import gzip
import json
from base64 import b64encode
from typing import Any
from urllib.parse import quote

import pytest

from tests.collector.ingest.conftest import StartCollector
from trackway_collector.ingest.rules.sources import Limits

from .conftest import GOLDEN, events, outcomes

JS = {
    "uuid": "0198c1a2-0000-7000-8000-00000000000a",
    "event": "seeds ordered",
    "properties": {
        "token": "web-key",
        "distinct_id": "lina",
        "$device_id": "device-1",
        "$session_id": "session-1",
        "$current_url": "https://shop.example/a?utm_source=news&utm_campaign=spring",
        "$lib": "web",
        "$lib_version": "1.449.2",
        "$is_identified": True,
        "packets": 2,
    },
    "offset": 2000,
}


async def test_a_batch_of_the_python_client_is_what_was_captured(start_collector: StartCollector) -> None:
    """Each method of posthog-python becomes its call, with the uuid as id, and the answer is exactly 200."""
    collector = await start_collector()

    status, _ = await collector.post("/batch/", (GOLDEN / "posthog_batch.json").read_bytes(), key=None)

    assert status == 200
    ordered, anonymous, set_, set_once, group, alias, page = events(collector)
    assert ordered["messageId"] == "0198c1a2-0000-7000-8000-000000000001"
    assert (ordered["type"], ordered["event"], ordered["userId"]) == ("track", "seeds ordered", "lina")
    assert (ordered["properties"], ordered["timestamp"]) == ({"packets": 2}, "2026-05-01T10:00:00+00:00")
    assert ordered["context"]["library"] == {"name": "posthog-python", "version": "7.91.1"}
    assert ordered["context"]["campaign"] == {"source": "news"}
    assert ordered["context"]["os"] == {"name": "Linux", "version": "12"}
    assert ordered["context"]["posthog"]["python_runtime"] == "CPython"
    assert "userId" not in anonymous
    assert anonymous["anonymousId"]
    assert (set_["type"], set_["traits"]) == ("identify", {"email": "lina@example.com"})
    assert (set_once["type"], set_once["traits"]) == ("identify", {"first": "x"})
    assert (group["type"], group["groupId"], group["traits"]) == ("group", "acme", {"name": "Acme"})
    assert "userId" not in group
    assert (alias["type"], alias["previousId"], alias["userId"]) == ("alias", "anon-1", "lina")
    assert (page["type"], page["context"]["page"]["url"]) == ("page", "https://shop.example/")
    assert outcomes(collector) == {"unplanned": 7}
    ((record, body),) = collector.spooled()
    assert record.source == "web"
    assert json.loads(body)["sentAt"].startswith("2026-")


async def test_capture_v1_hears_of_each_event(start_collector: StartCollector) -> None:
    """The Bearer token is the key; what was refused for good is `drop`, what is in quarantine `warning`."""
    collector = await start_collector(limits=Limits(event_bytes=4_096))
    body = json.loads((GOLDEN / "posthog_v1.json").read_bytes())
    wrong: dict[str, Any] = {"uuid": "u-2", "distinct_id": "lina", "event": None, "properties": {}}
    large = {"uuid": "u-3", "distinct_id": "lina", "event": "x", "properties": {"x": "x" * 5_000}}
    body["batch"] += [wrong, large]
    headers = {"Authorization": "Bearer web-key", "PostHog-Sdk-Info": "posthog-python/7.91.1"}

    status, answer = await collector.post("/i/v1/analytics/events", body, key=None, **headers)

    assert status == 200
    assert {uuid: result["result"] for uuid, result in answer["results"].items()} == {"u-2": "warning", "u-3": "drop"}
    assert events(collector)[0]["context"]["library"] == {"name": "posthog-python", "version": "7.91.1"}


def form(event: Any) -> bytes:
    """Return an event as old pages send it."""
    return b"data=" + quote(b64encode(json.dumps(event).encode())).encode() + b"&compression=base64"


@pytest.mark.parametrize("path", ["/e/", "/i/v0/e/", "/capture/", "/track/"])
@pytest.mark.parametrize(
    "body",
    [json.dumps(JS).encode(), json.dumps([JS]).encode(), gzip.compress(json.dumps([JS]).encode()), form(JS)],
    ids=["one", "list", "gzip-js", "form"],
)
async def test_pages_send_in_many_forms(start_collector: StartCollector, path: str, body: bytes) -> None:
    """One event or a list, as JSON, as gzip that no header tells of, or as base64 in a form."""
    collector = await start_collector()

    status, _ = await collector.post(path + "?compression=gzip-js&ver=1.449.2&_=1777629600000", body, key=None)

    assert status == 200
    (event,) = events(collector)
    assert (event["userId"], event["anonymousId"], event["properties"]) == ("lina", "device-1", {"packets": 2})
    assert event["context"]["sessionId"] == "session-1"
    assert event["context"]["campaign"] == {"source": "news", "name": "spring"}
    assert event["timestamp"].endswith("+00:00")
    assert b"web-key" not in collector.spooled()[0][1]


@pytest.mark.parametrize(
    ("properties", "ids"),
    [
        ({"$is_identified": False, "$device_id": "d"}, {"anonymousId": "x"}),
        ({"$process_person_profile": False}, {"anonymousId": "x"}),
        ({"$device_id": "x"}, {"anonymousId": "x"}),
        ({"$device_id": "d"}, {"userId": "x", "anonymousId": "d"}),
        ({}, {"userId": "x"}),
    ],
)
async def test_who_is_a_user_and_who_is_anonymous(
    start_collector: StartCollector, properties: dict[str, Any], ids: dict[str, str]
) -> None:
    """A `distinct_id` is a user's id unless the event says otherwise, or the id is the device's own."""
    collector = await start_collector()
    event = {"event": "seen", "distinct_id": "x", "properties": properties, "api_key": "web-key"}

    await collector.post("/capture/", event, key=None)

    (kept,) = events(collector)
    assert {name: kept[name] for name in ("userId", "anonymousId") if name in kept} == ids


async def test_identify_joins_the_anonymous_id(start_collector: StartCollector) -> None:
    """`$identify` names both ids; `$set` wins over `$set_once`."""
    collector = await start_collector()
    said = {"$anon_distinct_id": "device-1", "distinct_id": "lina", "token": "web-key"}
    event = {"event": "$identify", "properties": said, "$set": {"plan": "pro"}, "$set_once": {"plan": "free", "n": 1}}

    await collector.post("/e/", event, key=None)

    (kept,) = events(collector)
    assert (kept["type"], kept["userId"], kept["anonymousId"]) == ("identify", "lina", "device-1")
    assert kept["traits"] == {"plan": "pro", "n": 1}


async def test_one_bad_event_does_not_cost_the_others(start_collector: StartCollector) -> None:
    """What no event can be made of goes to quarantine with its reason, also beside values that JSON cannot carry."""
    collector = await start_collector()
    good = {"event": "seen", "distinct_id": "x", "uuid": "u-1", "properties": {"n": 2**60 + 1}}
    bad = [7, {"event": "e", "properties": []}, {"event": "e", "n": float("nan")}]

    # As Python writes NaN, which is no JSON.
    status, _ = await collector.post(
        "/batch/", json.dumps({"api_key": "web-key", "batch": [good, *bad]}).encode(), None
    )

    assert status == 200
    assert outcomes(collector) == {"unplanned": 1, "quarantined": 3}
    ((record, _),) = collector.spooled()
    assert [verdict.violations for verdict in record.exceptions.values()] == [
        ("untranslatable",),
        ("untranslatable",),
        ("undecodable",),
    ]
    assert "posthog adapter" in record.exceptions[1].reasons[0]
    assert events(collector)[0]["properties"] == {"n": 2**60 + 1}


async def test_history_takes_its_own_lane(start_collector: StartCollector) -> None:
    """`historical_migration` goes to the spool of the historical lane."""
    collector = await start_collector()
    batch = {"api_key": "web-key", "historical_migration": True, "batch": [{"event": "e", "distinct_id": "x"}]}

    assert 200 == (await collector.post("/batch/", batch, key=None))[0]
    assert collector.ingest.historical is not None
    assert collector.ingest.historical.stats.events == 1


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "malformed_json"),
        (b"data=%%%", 400, "malformed_json"),
        (b"x=1", 400, "malformed_json"),
        (b'"text"', 400, "bad_batch"),
        (b'{"batch": [{"event": "e", "distinct_id": "x"}]}', 401, "unknown_write_key"),
        (b'{"api_key": "wrong", "batch": []}', 401, "unknown_write_key"),
    ],
)
async def test_what_is_no_batch_is_refused(
    start_collector: StartCollector, body: bytes, status: int, code: str
) -> None:
    """As on every other route: JSON with `code` and `message`, and nothing is stored."""
    collector = await start_collector()

    answer = await collector.post("/batch/", body, key=None)

    assert (answer[0], answer[1]["code"]) == (status, code)
    assert not collector.spooled()


async def test_questions_for_flags_are_answered_with_none(start_collector: StartCollector) -> None:
    """Flags, settings, code and recordings are answered so that clients go on, counted, and nothing is kept."""
    collector = await start_collector()

    assert (await collector.post("/flags/?v=2", {"token": "web-key"}, key=None))[1]["flags"] == {}
    assert (await collector.post("/decide/?v=3", {"token": "web-key"}, key=None))[1]["featureFlags"] == {}
    assert (await collector.post("/s/", {"event": "$snapshot"}, key=None))[0] == 200
    async with collector.client.get("/array/web-key/config") as response:
        assert (await response.json())["hasFeatureFlags"] is False
    async with collector.client.get("/static/recorder.js") as response:
        assert (response.status, response.content_type) == (200, "application/javascript")
    assert not collector.spooled()
    assert collector.ingest.counters.ignored == {
        "posthog_flags": 2,
        "posthog_recordings": 1,
        "posthog_config": 1,
        "posthog_code": 1,
    }


async def test_a_large_batch_is_translated_beside_other_requests(start_collector: StartCollector) -> None:
    """A batch that takes a while is the same in the end, in its order; other requests need not wait for it."""
    collector = await start_collector()
    batch = [{"event": "seen", "distinct_id": "x", "uuid": f"u-{n}", "properties": {"n": n}} for n in range(1_000)]

    assert 200 == (await collector.post("/batch/", {"api_key": "web-key", "batch": batch}, key=None))[0]

    assert [event["properties"]["n"] for event in events(collector)] == list(range(1_000))
