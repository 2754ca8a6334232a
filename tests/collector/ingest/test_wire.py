"""The collector's answers, over real HTTP."""

from __future__ import annotations

import gzip
import json
import sys
import time
import zlib
from base64 import b64encode
from datetime import datetime
from typing import Any

import pytest

from trackway_collector.ingest.rules.sources import Limits
from trackway_collector.spool.record import encode_record
from trackway_plan import EventSpec, Plan, Release, Source, compile_release

from .conftest import KEYS, StartCollector

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

LINA = {"type": "track", "event": "seeds_ordered", "messageId": "m-1", "userId": "lina", "properties": {"packets": 2}}


def event(**changes: Any) -> dict[str, Any]:
    """Return an event that the garden plan accepts, with changes; None removes a field."""
    merged = {"timestamp": "2026-05-01T10:00:00.000001Z", **LINA, **changes}
    return {name: value for name, value in merged.items() if value is not None}


async def test_a_stored_batch_is_answered_with_exactly_200(start_collector: StartCollector, garden: Release) -> None:
    """A batch whose events are on the disk is answered `200 {"success":true}`, and nothing else."""
    collector = await start_collector(garden)

    answer = await collector.post("/v1/batch", {"batch": [event(), event(messageId="m-2")]})

    assert (200, {"success": True}) == answer
    ((record, _),) = collector.spooled()
    assert (record.source, record.events, record.verdict, record.validated_rev) == ("web", 2, "ok", 3)
    assert not record.exceptions


@pytest.mark.parametrize("call", ["track", "identify", "page", "screen", "group", "alias"])
async def test_the_single_routes_take_one_event(start_collector: StartCollector, call: str) -> None:
    """Each of the six routes takes one event, whose type the route names."""
    collector = await start_collector()

    status, _ = await collector.post(f"/v1/{call}", {"event": "seeds_ordered", "messageId": "m", "userId": "lina"})

    assert status == 200
    ((record, _),) = collector.spooled()
    assert (record.call, record.events, record.verdict) == (call, 1, "unplanned")


async def test_no_address_is_kept(start_collector: StartCollector) -> None:
    """What nothing reads is not written down: the spool does not hold the address a request came from."""
    collector = await start_collector()

    await collector.post("/v1/batch", {"batch": [event()]})

    ((record, _),) = collector.spooled()
    assert b"127.0.0.1" not in encode_record(record)


async def test_the_key_may_be_in_the_body(start_collector: StartCollector) -> None:
    """Clients that send no Authorization header are known by `writeKey` in the body."""
    collector = await start_collector()

    status, _ = await collector.post("/v1/batch", {"batch": [event()], "writeKey": "api-key"}, key=None)

    assert status == 200
    assert "api" == collector.spooled()[0][0].source


@pytest.mark.parametrize("key", ["wrong", "", None, "web-key2"])
async def test_an_unknown_key_is_refused(start_collector: StartCollector, key: str | None) -> None:
    """A wrong or missing key is answered 401 with a message that does not repeat it, and nothing is stored."""
    collector = await start_collector()

    status, answer = await collector.post("/v1/batch", {"batch": [event()]}, key=key)

    assert (status, answer["code"]) == (401, "unknown_write_key")
    assert not key or key not in answer["message"]
    assert not collector.spooled()


async def test_a_header_that_is_no_basic_auth_is_refused(start_collector: StartCollector) -> None:
    """Bearer tokens and broken base64 are answered 401, never with a traceback."""
    collector = await start_collector()

    for header in ("Bearer web-key", "Basic ???", "Basic /w==", "Basic", ""):
        status, answer = await collector.post("/v1/batch", {"batch": []}, key=None, Authorization=header)
        assert (status, answer["success"]) == (401, False), header


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "malformed_json"),
        (b"{", "malformed_json"),
        (b'{"batch": [{"type": "track"}', "malformed_json"),
        (b"\xff\xfe", "malformed_json"),
        (b"[" * 100_000, "bad_batch"),
        (b'{"batch": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "malformed_json"),
        (b"[]", "bad_batch"),
        (b'{"batch": {}}', "bad_batch"),
        (b'{"events": []}', "bad_batch"),
        (b"null", "bad_batch"),
    ],
)
async def test_a_body_that_is_no_batch_is_refused_as_a_whole(
    start_collector: StartCollector, body: bytes, code: str
) -> None:
    """What cannot be read as a batch gets 400 with `code` and `message`, and nothing of it is stored."""
    collector = await start_collector()

    status, answer = await collector.post("/v1/batch", body)

    assert (status, answer["code"]) == (400, code)
    assert answer["message"]
    assert not collector.spooled()


async def test_gzip_is_understood_and_bombs_are_not(start_collector: StartCollector) -> None:
    """A gzipped body counts with its size after decompression; 100 MB of zeros in 100 kB are refused cheaply."""
    collector = await start_collector()
    packed = gzip.compress(json.dumps({"batch": [event()]}).encode())
    bomb = gzip.compress(b"0" * 100_000_000)

    taken = await collector.post("/v1/batch", packed, **{"Content-Encoding": "gzip"})
    refused = await collector.post("/v1/batch", bomb, **{"Content-Encoding": "gzip"})
    broken = await collector.post("/v1/batch", b"no gzip at all", **{"Content-Encoding": "gzip"})
    cut = await collector.post("/v1/batch", packed[: len(packed) // 2], **{"Content-Encoding": "gzip"})

    assert taken[0] == 200
    assert (refused[0], refused[1]["code"]) == (400, "batch_too_large")
    assert broken[0] == 400
    assert cut[0] == 400
    assert 1 == len(collector.spooled())


async def test_deflate_is_understood(start_collector: StartCollector) -> None:
    """`Content-Encoding: deflate` works as gzip does."""
    collector = await start_collector()

    packed = zlib.compress(json.dumps({"batch": [event()]}).encode())

    assert 200 == (await collector.post("/v1/batch", packed, **{"Content-Encoding": "deflate"}))[0]


async def test_zstd_is_understood_and_bombs_are_not(start_collector: StartCollector) -> None:
    """
    `Content-Encoding: zstd` works as gzip does: unpacked no further than a body may be large, whatever size a frame
    states or hides, and no frame makes the collector allocate a window beyond the 8 MiB of RFC 9659.
    """
    collector = await start_collector()
    body = json.dumps({"batch": [event()]}).encode()
    packed, frames = zstd.compress(body), zstd.compress(body[:20]) + zstd.compress(body[20:])
    stream = zstd.ZstdCompressor()
    bombs = zstd.compress(b"0" * 100_000_000), stream.compress(b"0" * 100_000_000) + stream.flush()
    wide_window = zstd.compress(b"")[:4] + bytes([0, 17 << 3]) + b"\x01\x00\x00"  # 128 MiB for an empty block

    taken = await collector.post("/v1/batch", packed, **{"Content-Encoding": "zstd"})
    in_frames = await collector.post("/v1/batch", frames, **{"Content-Encoding": "ZSTD"})
    refused = [await collector.post("/v1/batch", bomb, **{"Content-Encoding": "zstd"}) for bomb in bombs]
    broken = [
        await collector.post("/v1/batch", body, **{"Content-Encoding": "zstd"})
        for body in (b"no zstd at all", packed[: len(packed) // 2], wide_window)
    ]

    assert (taken[0], in_frames[0]) == (200, 200)
    assert [(status, answer["code"]) for status, answer in refused] == [(400, "batch_too_large")] * 2
    assert [(status, answer["code"]) for status, answer in broken] == [(400, "bad_encoding")] * 3
    assert 2 == len(collector.spooled())


@pytest.mark.parametrize(
    ("encoding", "empty"), [("gzip", gzip.compress(b"")), ("zstd", zstd.compress(b""))], ids=["gzip", "zstd"]
)
async def test_a_body_of_many_empty_pieces_is_refused(
    start_collector: StartCollector, encoding: str, empty: bytes
) -> None:
    """Thousands of pieces that unpack to nothing would cost a copy of the rest of the body each."""
    collector = await start_collector()

    status, answer = await collector.post("/v1/batch", empty * 20_000, **{"Content-Encoding": encoding})

    assert (status, answer["code"]) == (400, "bad_encoding")


async def test_an_encoding_that_is_not_known_is_said_with_those_that_are(start_collector: StartCollector) -> None:
    """A client that reads the code can send the same again in another encoding."""
    collector = await start_collector()

    status, answer = await collector.post("/v1/batch", b"...", **{"Content-Encoding": "br"})

    assert (status, answer["code"]) == (400, "unknown_encoding")
    assert "Send gzip, zstd, deflate, or none." in answer["message"]


async def test_limits_are_said(start_collector: StartCollector) -> None:
    """Too many events, too large a body and too large a single event are refused with a code each."""
    collector = await start_collector(limits=Limits(event_bytes=400, batch_bytes=3_000, batch_events=3))
    large = event(properties={"note": "x" * 500})

    too_many = await collector.post("/v1/batch", {"batch": [event()] * 4})
    too_large = await collector.post("/v1/batch", {"batch": [event(properties={"n": "x" * 4_000})]})
    single = await collector.post("/v1/track", large)

    assert [(400, "too_many_events"), (400, "batch_too_large"), (400, "event_too_large")] == [
        (status, answer["code"]) for status, answer in (too_many, too_large, single)
    ]
    assert not collector.spooled()


async def test_one_large_event_does_not_cost_its_batch(start_collector: StartCollector, garden: Release) -> None:
    """An event over the limit is refused for good and named to clients that ask; the rest of the batch is stored."""
    collector = await start_collector(garden, limits=Limits(event_bytes=400))
    large = event(messageId="large", context={"note": "x" * 500})

    status, answer = await collector.post(
        "/v1/batch", {"batch": [event(), large]}, Accept="application/vnd.trackway.v1+json"
    )

    assert status == 200
    (rejected,) = answer["rejected"]
    assert (rejected["index"], rejected["messageId"], rejected["code"]) == (1, "large", "event_too_large")
    assert "limit is 400" in rejected["message"]
    assert collector.ingest.counters.events == {("web", "ok"): 1, ("web", "rejected"): 1}


async def test_ten_thousand_properties_are_too_large(start_collector: StartCollector) -> None:
    """An event of 10,000 properties is over the limit for one event: said with the numbers, its batch stored."""
    collector = await start_collector()
    many = event(messageId="many", properties={f"p{n}": n for n in range(10_000)})

    single = await collector.post("/v1/track", many)
    batch = await collector.post("/v1/batch", {"batch": [event(), many]}, Accept="application/vnd.trackway.v1+json")

    assert (single[0], single[1]["code"]) == (400, "event_too_large")
    assert "the limit is 32768" in single[1]["message"]
    assert (batch[0], [item["messageId"] for item in batch[1]["rejected"]]) == (200, ["many"])


async def test_content_type_is_ignored(start_collector: StartCollector) -> None:
    """Clients send text/plain and worse; the body is JSON whatever it is called."""
    collector = await start_collector()

    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin-1"):
        assert 200 == (await collector.post("/v1/batch", {"batch": [event()]}, **{"Content-Type": kind}))[0]


async def test_a_full_spool_is_503_with_retry_after(start_collector: StartCollector) -> None:
    """When the spool is full the answer is 503 with Retry-After, `/ready` says no, and `/live` still says yes."""
    collector = await start_collector(max_backlog_bytes=1)
    assert 200 == (await collector.post("/v1/batch", {"batch": [event()]}))[0]

    async with collector.client.post("/v1/batch", json={"batch": [event()], "writeKey": "web-key"}) as response:
        assert response.status == 503
        assert int(response.headers["Retry-After"]) > 0
        assert "spool_full" == (await response.json())["code"]
    async with collector.client.get("/ready") as response:
        assert response.status == 503
    async with collector.client.get("/live") as response:
        assert response.status == 200


async def test_metrics_add_up(start_collector: StartCollector, garden: Release) -> None:
    """Every received event ends in exactly one outcome counter, and `/metrics` shows them by source."""
    collector = await start_collector(garden)
    batch = [
        event(),
        event(event="seeds_order", messageId="m-2"),
        event(messageId="m-3", properties={"packets": "two"}),
        event(messageId="m-4", userId=None),
        event(messageId="m-5", context={"pad": "x" * 40_000}),
    ]

    await collector.post("/v1/batch", {"batch": batch})

    async with collector.client.get("/metrics") as response:
        text = await response.text()
    assert len(batch) == sum(collector.ingest.counters.events.values())
    for outcome, count in {"ok": 1, "flagged": 2, "quarantined": 1, "rejected": 1}.items():
        assert f'trackway_events_total{{outcome="{outcome}",source="web",worker="w0"}} {count}.0' in text
    assert 'trackway_violations_total{code="unplanned_event",source="web",worker="w0"} 1.0' in text
    assert "trackway_spool_backlog_bytes" in text


async def test_an_authorization_header_may_hold_anything(start_collector: StartCollector) -> None:
    """A header that is no ASCII is a wrong key like any other: 401, not a failure of the collector."""
    collector = await start_collector()

    status, answer = await collector.post("/v1/batch", {"batch": []}, key=None, Authorization="Basic schlüssel")

    assert (status, answer["code"]) == (401, "unknown_write_key")


async def test_a_key_in_the_body_is_found_beside_nan(start_collector: StartCollector) -> None:
    """A NaN in one event costs a client that sends its key in the body no more than one that sends it as a header."""
    collector = await start_collector()

    body = b'{"batch":[NaN,{"type":"track","event":"e","messageId":"m","userId":"lina"}],"writeKey":"api-key"}'
    status, _ = await collector.post("/v1/batch", body, key=None)

    assert status == 200
    assert {("api", "quarantined"): 1, ("api", "unplanned"): 1} == collector.ingest.counters.events


async def test_gzip_of_several_members_is_one_body(start_collector: StartCollector) -> None:
    """What a client packs in pieces is unpacked whole, and the limit counts the pieces together."""
    collector = await start_collector(limits=Limits(batch_bytes=400))
    body = json.dumps({"batch": [event()]}).encode()
    members = gzip.compress(body[:50]) + gzip.compress(body[50:])
    bomb = gzip.compress(b" " * 300) * 2

    taken = await collector.post("/v1/batch", members, **{"Content-Encoding": "gzip"})
    refused = await collector.post("/v1/batch", bomb, **{"Content-Encoding": "gzip"})

    assert taken[0] == 200
    assert collector.spooled()[0][1] == body
    assert (refused[0], refused[1]["code"]) == (400, "batch_too_large")


@pytest.mark.parametrize("body", [b"", b'{"event":', b"\xff", b"{}{}"])
async def test_a_single_body_that_is_no_json_is_refused(start_collector: StartCollector, body: bytes) -> None:
    """A single route answers 400 to what nobody can read; what a forgiving reader can, NaN for one, is kept."""
    collector = await start_collector()

    status, answer = await collector.post("/v1/track", body)
    kept, _ = await collector.post("/v1/track", b'{"event":"e","messageId":"m","userId":"u","properties":{"x":NaN}}')

    assert (status, answer["code"]) == (400, "malformed_json")
    assert kept == 200
    assert {("web", "quarantined"): 1} == dict(+collector.ingest.counters.events)


async def test_a_rejected_event_is_answered_with_its_verdict(start_collector: StartCollector) -> None:
    """By policy, too: index, id, code, sentence and all violations to clients that ask; 400 on a single route."""
    source = Source(name="web", on_violation={"unplanned_event": "reject", "unstamped": "allow"})
    strict = compile_release(Plan(name="garden", sources={"web": source}, events={"seen": EventSpec(name="seen")}), 1)
    collector = await start_collector(strict)
    known, unknown = event(event="seen", properties={}), event(event="sene", messageId="m-2", timestamp="yesterday")

    status, answer = await collector.post(
        "/v1/batch", {"batch": [known, unknown]}, Accept="application/vnd.trackway.v1+json"
    )
    single = await collector.post("/v1/track", unknown)

    (rejected,) = answer["rejected"]
    assert status == 200
    assert (rejected["index"], rejected["messageId"], rejected["code"]) == (1, "m-2", "unplanned_event")
    assert rejected["violations"] == ["unplanned_event", "bad_timestamp"]
    assert "Did you mean `seen`?" in rejected["message"]
    assert (single[0], single[1]["code"]) == (400, "unplanned_event")
    assert collector.ingest.counters.events == {("web", "ok"): 1, ("web", "rejected"): 1}


def basic(key: str) -> dict[str, str]:
    """Return the header in which a write key travels."""
    return {"Authorization": "Basic " + b64encode(f"{key}:".encode()).decode()}


async def test_a_key_can_be_asked_what_it_stands_for(start_collector: StartCollector, garden: Release) -> None:
    """`GET /v1/plan` names the key's source and the live releases, and nothing of any event; it needs a known key."""
    collector = await start_collector(garden)
    for source, key in KEYS.items():
        async with collector.client.get("/v1/plan", headers=basic(key)) as response:
            page = await response.json()
            assert response.status == 200
        assert page["source"] == source
        assert page["plan"] == {"name": "garden", "rev": 3, "live": [{"rev": 3, "hash": garden.hash}]}
        assert abs(datetime.fromisoformat(page["time"]).timestamp() - time.time()) < 60
    for headers in ({}, basic("no-such-key")):
        async with collector.client.get("/v1/plan", headers=headers) as response:
            assert (await response.json())["requestId"] == response.headers["X-Request-Id"]
            assert (response.status, (await response.json())["code"]) == (401, "unknown_write_key")


async def test_a_collector_without_a_plan_says_so(start_collector: StartCollector) -> None:
    """Where nothing is judged, `plan` is null."""
    collector = await start_collector()
    async with collector.client.get("/v1/plan", headers=basic("web-key")) as response:
        assert (await response.json())["plan"] is None
