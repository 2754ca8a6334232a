"""Consent and opt-out together with what else a request can be: pixel, cookie, what cannot be read."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.collector.ingest.conftest import Collector, StartCollector
from trackway_collector.ingest.privacy.addresses import TrustedProxies
from trackway_collector.ingest.privacy.device import Devices
from trackway_collector.ingest.privacy.policy import Cookie, Privacy
from trackway_collector.ingest.rules.sources import SourcePolicy

STRICT = SourcePolicy(privacy=Privacy(ip="keep", consent=("Analytics",), cookie=Cookie("id")))
LOCAL = Devices(TrustedProxies(["127.0.0.1"]))
PAGE = {"Origin": "https://shop.example", "X-Forwarded-For": "198.51.100.77", "User-Agent": "Mozilla/5.0 (Lina)"}


def event(consent: Any = None, **more: Any) -> dict[str, Any]:
    context = {} if consent is None else {"consent": {"categoryPreferences": {"Analytics": consent}}}
    return {"type": "track", "event": "e", "messageId": "m", "userId": "lina", "context": context | more}


def written(collector: Collector) -> bytes:
    """All that was written."""
    return b"".join(msgspec.json.encode(record) + body for record, body in collector.spooled())


def kept(collector: Collector) -> list[bool]:
    """For each event that was sent, whether it was kept."""
    return [
        position not in record.exceptions or record.exceptions[position].outcome != "rejected"
        for record, _ in collector.spooled()
        for position in range(record.events)
    ]


@pytest.mark.parametrize(("said", "is_kept"), [("false", False), ("no", False), ("0", False), ("true", True)])
async def test_a_pixels_consent_is_text(start_collector: StartCollector, said: str, is_kept: bool) -> None:
    """In a query every value is text, and `false` there is a denial."""
    collector = await start_collector(policy=STRICT)
    query = f"writeKey=web-key&userId=u&event=e&context.consent.categoryPreferences.Analytics={said}"
    async with collector.client.get(f"/v1/pixel/track?{query}") as response:
        assert response.status == 200
    assert kept(collector) == [is_kept]


@pytest.mark.parametrize("path", ["/v1/batch", "/v1/track"])
async def test_who_denies_leaves_nothing_and_gets_no_cookie(start_collector: StartCollector, path: str) -> None:
    """Of a request whose events are all denied no address, no device and no id is written, and no cookie is set."""
    collector = await start_collector(policy=STRICT, devices=LOCAL)
    body = event(False) if path == "/v1/track" else {"batch": [event(False)], "context": {"device": "lina's"}}
    basic = {"X-Write-Key": "web-key"}
    async with collector.client.post(path, json=body, headers=PAGE | basic) as response:
        assert (response.status, "Set-Cookie" in response.headers) == (200, False)
    assert kept(collector) == [False]
    assert b"198.51" not in written(collector)
    assert b"ina" not in written(collector).replace(b"Analytics", b"")
    async with collector.client.post(path, json=event(True) if path == "/v1/track" else {"batch": [event(True)]},
                                     headers=PAGE | basic) as response:  # fmt: skip
        assert "Set-Cookie" in response.headers


@pytest.mark.parametrize(
    "sent",
    [
        b'{"batch":[{"type":"track","event":"e","messageId":"m","userId":"u","properties":{"n":NaN},'
        b'"context":{"consent":{"categoryPreferences":{"Analytics":false}}}}]}',
        b'{"batch":[{"type":"track","event":"e","messageId":"m","userId":"u",'
        b'"context":{"consent":{"categoryPreferences":["Analytics"]}}}]}',
        b'{"batch":[{"type":"track","event":"e","messageId":"m","userId":"u"}],"context":{"consent":7}}',
    ],
)
async def test_consent_that_cannot_be_read_was_not_given(start_collector: StartCollector, sent: bytes) -> None:
    """An event that says something about consent which nobody can read is not kept, in quarantine neither."""
    collector = await start_collector(policy=STRICT)
    assert (await collector.post("/v1/batch", sent))[0] == 200
    assert kept(collector) == [False]


async def test_an_opt_out_removes_what_the_page_wrote(start_collector: StartCollector) -> None:
    """With an opt-out signal an event is stored without address, the one in its `context` included."""
    collector = await start_collector(policy=SourcePolicy(privacy=Privacy(ip="as_sent")), devices=LOCAL)
    sent = {"batch": [event(ip="198.51.100.77")]}
    await collector.post("/v1/batch", sent, **PAGE, **{"Sec-GPC": "1"})
    assert kept(collector) == [True]
    assert b"198.51" not in written(collector)


@pytest.mark.parametrize(
    "sent",
    [
        b'{"batch":[{"type":"track","event":"e","messageId":"m","userId":"u",'
        b'"\\u0063ontext":{"\\u0063onsent":{"\\u0063ategoryPreferences":{"Analytics":false}},"\\u0069p":"198.51.100.77"}}]}',
        b'{"batch":[{"type":"track","event":"e","messageId":"m","userId":"u","context":{"ip":"198.51.100.77"},'
        b'"context":{"ip":7,"ip":"198.51.100.77","consent":{"categoryPreferences":{"Analytics":true,"Analytics":0}}}}]}',
        b'{"batch":[{"ip":1}],"batch":[{"type":"track","event":"e","messageId":"m","userId":"u"}],"context":{},'
        b'"context":{"ip":"198.51.100.77","consent":{"categoryPreferences":{"Analytics":false}}}}',
    ],
)
@pytest.mark.parametrize("rule", ["consent", "ip"])
async def test_odd_spelling_is_no_way_around_a_rule(start_collector: StartCollector, sent: bytes, rule: str) -> None:
    """Names written with escapes, or twice, are names; of two the last one counts, as it does in the warehouse."""
    rules = Privacy(consent=("Analytics",)) if rule == "consent" else Privacy(ip="remove")
    collector = await start_collector(policy=SourcePolicy(privacy=rules))
    assert (await collector.post("/v1/batch", sent))[0] == 200
    assert kept(collector) == [rule == "ip"]
    assert b"198.51" not in written(collector)
