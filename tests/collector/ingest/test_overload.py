"""A collector that is asked for too much: it says so with a time to come back, and clients hear it."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import aiohttp
import pytest
import requests
import urllib3

from trackway_collector.ingest.room.admission import Admission, Watermarks
from trackway_collector.ingest.room.quota import Quota
from trackway_collector.ingest.routes import Lane
from trackway_collector.ingest.rules.sources import Policies, SourcePolicy

from .conftest import Collector, StartCollector, records_in
from .test_wire import event

KEY = {"Authorization": "Basic " + b64encode(b"web-key:").decode()}
LARGE = b'{"batch":[' + b" " * 8_000_000 + b"]}"
"""More than any socket's buffers hold: the client is still sending when the answer comes."""


def url_of(collector: Collector) -> str:
    return str(collector.client.make_url("/v1/batch"))


@contextlib.asynccontextmanager
async def half_a_request(collector: Collector, path: str = "/v1/batch", size: int = 1_000) -> AsyncIterator[None]:
    """A client that has announced a body of this size and sent one byte of it."""
    _, writer = await asyncio.open_connection(collector.client.host, collector.client.port)
    head = (
        f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {KEY['Authorization']}\r\nContent-Length: {size}\r\n\r\n{{"
    )
    writer.write(head.encode())
    await writer.drain()
    admission = collector.ingest.admission
    while not any(admission.in_hand.values()):
        await asyncio.sleep(0.01)
    try:
        yield
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        while any(admission.in_hand.values()):
            await asyncio.sleep(0.01)


async def test_more_than_may_be_in_hand_is_asked_to_come_later(start_collector: StartCollector) -> None:
    """While a slow client holds the room, others get 429 and a time; when it has gone, they are taken."""
    collector = await start_collector()
    collector.ingest.admission = Admission(1_000)
    post = collector.client.post
    async with half_a_request(collector), post("/v1/batch", json={"batch": [event()]}, headers=KEY) as answer:
        assert (answer.status, (await answer.json())["code"]) == (429, "overloaded")
        assert 1 <= int(answer.headers["Retry-After"]) <= 300
        assert answer.headers["X-RateLimit-Reset"] == answer.headers["Retry-After"]
    assert (await collector.post("/v1/batch", {"batch": [event()]}))[0] == 200
    assert len(collector.spooled()) == 1
    assert collector.ingest.admission.refused == {(Lane.LIVE, "overloaded"): 1}


async def test_an_import_leaves_room_for_what_happens_now(start_collector: StartCollector) -> None:
    """With the historical lane's part taken, an import is refused and a live batch is stored."""
    collector = await start_collector()
    collector.ingest.admission = Admission(4_000)
    async with half_a_request(collector, "/v1/import"):
        assert (await collector.post("/v1/import", {"batch": [event()]}))[0] == 429
        assert (await collector.post("/v1/batch", {"batch": [event()]}))[0] == 200


async def test_imports_have_a_spool_of_their_own(start_collector: StartCollector) -> None:
    """What comes by `/v1/import` waits in the historical spool, everything else in the live one."""
    collector = await start_collector()
    await collector.post("/v1/import", {"batch": [event(event="old")]})
    await collector.post("/v1/batch", {"batch": [event(event="new")]})

    ((_, now),) = records_in(collector.directory)
    ((_, then),) = records_in(collector.directory.with_name("w0-history"))
    assert (b"new" in now, b"old" in then) == (True, True)


async def test_what_is_packed_small_counts_at_its_size(start_collector: StartCollector) -> None:
    """A body counts as it comes and again as it is unpacked, whole or in pieces without a length."""
    collector = await start_collector()
    body = json.dumps({"batch": [event(properties={"note": "x" * 20_000})]}).encode()
    packed = gzip.compress(body)

    async def pieces() -> AsyncIterator[bytes]:
        for at in range(0, len(packed), 100):
            yield packed[at : at + 100]
            await asyncio.sleep(0)

    for data in (packed, pieces()):
        collector.ingest.admission = Admission(10_000)
        async with half_a_request(collector, size=100):
            headers = KEY | {"Content-Encoding": "gzip"}
            async with collector.client.post("/v1/batch", data=data, headers=headers) as answer:
                assert answer.status == 429
    assert not collector.spooled()


async def test_a_body_that_does_not_come_is_given_up(start_collector: StartCollector) -> None:
    """A client that stops in the middle of its body gets 408, and its room is free."""
    collector = await start_collector()
    collector.ingest.body_s = 0.2
    reader, writer = await asyncio.open_connection(collector.client.host, collector.client.port)
    writer.write(b"POST /v1/batch HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\n{")

    assert b"408" in await reader.readline()
    assert collector.ingest.admission.in_hand == {Lane.LIVE: 0, Lane.HISTORICAL: 0}
    writer.close()


def with_urllib3(url: str, data: Any) -> tuple[int, Any, Any]:
    answer = urllib3.PoolManager(retries=False).request("POST", url, body=data, headers=KEY)
    return answer.status, answer.json(), answer.headers


def with_requests(url: str, data: Any) -> tuple[int, Any, Any]:
    answer = requests.post(url, data=data, headers=KEY, timeout=30)
    return answer.status_code, answer.json(), answer.headers


def with_aiohttp(url: str, data: Any) -> tuple[int, Any, Any]:
    async def post() -> tuple[int, Any, Any]:
        async with aiohttp.ClientSession() as session, session.post(url, data=data, headers=KEY) as answer:
            return answer.status, await answer.json(), answer.headers

    return asyncio.run(post())


def whole() -> bytes:
    return LARGE


def in_pieces() -> Iterator[bytes]:
    return (LARGE[at : at + 65_536] for at in range(0, len(LARGE), 65_536))


async def in_pieces_async() -> AsyncIterator[bytes]:
    for piece in in_pieces():
        yield piece


@pytest.mark.parametrize("body", [whole, in_pieces])
@pytest.mark.parametrize("post", [with_urllib3, with_requests, with_aiohttp])
@pytest.mark.parametrize("why", ["too_large", "overloaded", "disk_full", "over_quota", "unknown_write_key"])
async def test_who_is_refused_hears_it(
    start_collector: StartCollector,
    post: Callable[[str, Any], tuple[int, Any, Any]],
    body: Callable[[], Any],
    why: str,
) -> None:
    """Real clients that send 8 MB into a refusal see the answer, not a broken connection."""
    collector = await start_collector()
    ingest = collector.ingest
    code, status = {"too_large": ("batch_too_large", 400), "disk_full": (why, 503)}.get(why, (why, 429))
    hold: contextlib.AbstractAsyncContextManager[None] = contextlib.nullcontext()
    if why == "overloaded":
        ingest.admission = Admission(1_000)
        hold = half_a_request(collector)
        limit = SourcePolicy().limits
        large = SourcePolicy(limits=type(limit)(batch_bytes=64 * 1024**2))
        ingest.in_force = with_policy(collector, large)
    elif why == "disk_full":
        ingest.admission = Admission(watermarks=Watermarks(hard_backlog=0))
        ingest.admission.observe_disk(1, 1)
    elif why == "over_quota":
        ingest.in_force = with_policy(collector, SourcePolicy(quota=Quota(events_per_s=0.001, burst_events=1)))
        assert (await collector.post("/v1/batch", {"batch": [event()]}))[0] == 200
    elif why == "unknown_write_key":
        code, status = "unknown_write_key", 401
        ingest.in_force = with_keys(collector, {"web": "another"})
    data = in_pieces_async() if post is with_aiohttp and body is in_pieces else body()
    async with hold:
        answer = await asyncio.to_thread(post, url_of(collector), data)

    assert (answer[0], answer[1]["code"]) == (status, code)
    assert ("Retry-After" in answer[2]) == (status in (429, 503))
    assert answer[1]["requestId"] == answer[2]["X-Request-Id"]


def with_policy(collector: Collector, policy: SourcePolicy) -> Any:
    """What is in force, with this policy for every source."""
    in_force = collector.ingest.in_force
    return type(in_force)(in_force.keys, in_force.decoder.successor(None, Policies(policy), ["web"]))


def with_keys(collector: Collector, keys: dict[str, str]) -> Any:
    in_force = collector.ingest.in_force
    return type(in_force)(type(in_force.keys).of_sources(keys), in_force.decoder)


async def test_a_quota_counts_events(start_collector: StartCollector) -> None:
    """A source may send its burst, then gets 429 with the time until it may go on; another source is not affected."""
    collector = await start_collector()
    collector.ingest.in_force = with_policy(collector, SourcePolicy(quota=Quota(events_per_s=0.5, burst_events=10)))
    batch = {"batch": [event(messageId=f"m-{n}") for n in range(8)]}

    assert (await collector.post("/v1/batch", batch))[0] == 200
    async with collector.client.post("/v1/batch", json=batch, headers=KEY) as answer:
        assert (answer.status, (await answer.json())["code"]) == (429, "over_quota")
        # 6 events too many at half an event a second, and up to a quarter more, so that nobody comes too early.
        assert 10 <= int(answer.headers["Retry-After"]) <= 16
    assert (await collector.post("/v1/batch", batch, key="api-key"))[0] == 200
    assert (await collector.post("/v1/batch", {"batch": batch["batch"][:1]}))[0] == 200
    assert [record.events for record, _ in collector.spooled()] == [8, 8, 1]


async def test_a_filling_disk_turns_imports_away_first(start_collector: StartCollector) -> None:
    """Between the watermarks imports are refused with 429 and live events taken while the dice say so; full is 503."""
    collector = await start_collector()
    admission = Admission(watermarks=Watermarks(soft_backlog=100, hard_backlog=200), dice=lambda: 0.5)
    collector.ingest.admission = admission
    answers = []
    for backlog in (50, 140, 160, 200, 50):
        admission.observe_disk(backlog, float("inf"))
        answers.append([(await collector.post(f"/v1/{p}", {"batch": [event()]}))[0] for p in ("batch", "import")])
    assert answers == [[200, 200], [200, 429], [429, 429], [503, 503], [200, 200]]


@pytest.mark.parametrize("given", ["abcdefgh-1", "short", "x" * 65, "has space", "<script>alert</script>"])
async def test_a_request_has_an_id(start_collector: StartCollector, given: str) -> None:
    """A sane X-Request-Id comes back; any other is replaced by one of the collector's, and a refusal has one anyway."""
    collector = await start_collector()
    ids = []
    async with collector.client.post("/v1/batch", data=b"{", headers=KEY) as answer:
        assert answer.headers["X-Request-Id"] == (await answer.json())["requestId"]
    for _ in range(2):
        headers = KEY | {"X-Request-Id": given}
        async with collector.client.post("/v1/batch", json={"batch": [event()]}, headers=headers) as answer:
            assert answer.status == 200
            ids.append(answer.headers["X-Request-Id"])
    assert (ids == [given, given]) == (given == "abcdefgh-1")
    assert len(set(ids)) == (1 if given == "abcdefgh-1" else 2)


async def test_refusals_are_logged_sparingly(start_collector: StartCollector, caplog: pytest.LogCaptureFixture) -> None:
    """Ten lines a minute for each kind of refusal, with the request's id; none holds a key or a payload."""
    caplog.set_level("INFO")
    collector = await start_collector()
    for _ in range(30):
        await collector.post("/v1/batch", {"batch": [event(userId="lina-secret")]}, key="wrong-secret")
        await collector.post("/v1/batch", b"{secret")
        await collector.post("/v1/batch", {"batch": [event()]})
    fields = [record.fields for record in caplog.records if hasattr(record, "fields")]

    assert [line["code"] for line in fields].count("unknown_write_key") == 10
    assert len(fields) == 20
    assert all(line["request_id"] and line["route"] == "/v1/batch" for line in fields)
    assert "secret" not in caplog.text + str(fields)
