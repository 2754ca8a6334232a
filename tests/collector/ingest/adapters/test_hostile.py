"""Whatever reaches an adapter, its answer is one of the contract's."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.collector.ingest.conftest import StartCollector
from trackway_collector.errors import RequestRefused
from trackway_collector.ingest.adapters import ga4, matomo, posthog, rudder, snowplow
from trackway_collector.ingest.adapters.base import Adapter
from trackway_collector.ingest.privacy.policy import Privacy
from trackway_collector.ingest.rules.sources import SourcePolicy
from trackway_collector.ingest.verdicts.decode import BatchDecoder
from trackway_plan import Release

NAMES = {
    "posthog": "batch api_key event distinct_id uuid timestamp offset properties $set $set_once token $device_id alias"
    " $groupidentify $identify $create_alias $screen $pageview options session_id $current_url sent_at $group_key",
    "snowplow": "data e eid dtm stm ttm ue_pr ue_px co cx se_ac se_va uid url res aid tv pv ue se pp tr ti schema",
    "matomo": "requests idsite url e_a e_c e_v search idgoal ec_id ping cdt res rand download _id",
    "ga4": "events name params client_id user_properties value timestamp_micros en ep.x epn.y page_location page_view",
    "rudder": "mergeProperties type writeKey userId",
}
ADAPTERS = {"posthog": posthog, "snowplow": snowplow, "matomo": matomo, "ga4": ga4, "rudder": rudder}
PATHS = {"posthog": "/e/", "snowplow": "/x/tp2", "matomo": "/matomo.php", "ga4": "/mp/collect", "rudder": "/v1/merge"}


class Asked:
    """As much of a request as adapters look at."""

    def __init__(self, path: str, method: str, query: dict[str, str]) -> None:
        self.path, self.method, self.query, self.headers = path, method, query, dict[str, str]()


@pytest.fixture(scope="module")
def decoder(garden: Release) -> BatchDecoder:
    """The decoder that all examples share."""
    return BatchDecoder(garden)


def values(names: str) -> st.SearchStrategy[Any]:
    """Return JSON values in which an adapter's own names are frequent."""
    words = st.sampled_from([*names.split(), "", "iglu:a/b/c/1-0-0", "1", "-5", "1e999", "9" * 30, "[", "{", "%%"])
    plain = (
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | words | st.text()
    )
    return st.recursive(
        plain, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words | st.text(), inner, max_size=6)
    )


@pytest.mark.parametrize("name", list(ADAPTERS))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_every_request_is_translated_or_refused(name: str, decoder: BatchDecoder, data: st.DataObject) -> None:
    """JSON of any shape, query and form: events that the judge takes, or a 400; never an error of ours."""
    adapter: Adapter = ADAPTERS[name].ADAPTER
    value = data.draw(values(NAMES[name]))
    envelope = {"posthog": "batch", "snowplow": "data", "matomo": "requests", "ga4": "events"}.get(name)
    if envelope and data.draw(st.booleans()):
        value = {envelope: [value]}
    try:
        body = msgspec.json.encode(value)
    except (OverflowError, ValueError):  # a number of more than 64 bits
        return
    query = {str(key): str(item) for key, item in value.items()} if isinstance(value, dict) else {}
    if data.draw(st.booleans()):
        body = urlencode(query, errors="replace").encode()
    request: Any = Asked(PATHS[name], data.draw(st.sampled_from(["GET", "POST"])), query)

    try:
        translated = adapter.translate(request, body)
    except RequestRefused:
        return
    record, _ = decoder.decode(translated.batch(), call="", source="web", received_at_us=1)

    assert record.events == len(translated.events)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/x/tp2", b'{"data": [{"e": []}, {"e": "pv", "url": "https://a.example/"}]}'),
        ("/g/collect", f"en=a&cid=1&sr={'9' * 4_400}x1\nen=b&cid=1".encode()),
    ],
)
async def test_one_strange_value_costs_no_other_event(start_collector: StartCollector, path: str, body: bytes) -> None:
    """A value of a type that no tracker sends, or a number of 4,400 digits, is no error of the collector."""
    collector = await start_collector()
    async with collector.client.post(f"{path}?writeKey=web-key", data=body) as response:
        assert response.status == 200
    assert [record.events for record, _ in collector.spooled()] == [2]


@pytest.mark.parametrize("plan", [False, True])
async def test_no_secret_of_a_client_is_kept(start_collector: StartCollector, garden: Release, plan: bool) -> None:
    """Write keys and Matomo's own secret are in no record, whether the event could be translated or not."""
    collector = await start_collector(garden if plan else None)
    async with collector.client.get("/i?writeKey=web-key&e=pv&eid=1&url=https://a.example/") as response:
        assert response.status == 200
    for query in ("url=https://a.example/", "nothing=1"):
        async with collector.client.get(f"/matomo.php?writeKey=web-key&token_auth=matomo-key&{query}") as response:
            assert response.status == 200
    bad = {"api_key": "web-key", "event": "a", "properties": [], "token": "web-key"}
    assert (await collector.post("/batch/", {"api_key": "web-key", "batch": [bad]}, None))[0] == 200
    merge = {"writeKey": "web-key", "userId": "u", "mergeProperties": []}
    assert (await collector.post("/v1/merge", merge, None))[0] == 200
    kept = b"".join(body for _, body in collector.spooled())
    assert kept
    assert b"-key" not in kept


@pytest.mark.parametrize("privacy", [Privacy(ip="remove"), Privacy(ip="hash"), Privacy(consent=("Analytics",))])
async def test_what_cannot_be_translated_keeps_no_privacy_rule_from_working(
    start_collector: StartCollector, privacy: Privacy
) -> None:
    """Nobody can say what is in an event that cannot be read: where a rule forbids something, nothing of it is kept."""
    collector = await start_collector(policy=SourcePolicy(privacy=privacy))
    async with collector.client.get("/matomo.php?writeKey=web-key&cip=198.51.100.77&rand=1") as response:
        assert response.status == 200
    bad = {"event": "a", "properties": {"$ip": "198.51.100.77", "$set": 1}}
    assert (await collector.post("/batch/", {"api_key": "web-key", "batch": [bad]}, None))[0] == 200
    kept = b"".join(msgspec.json.encode(record) + body for record, body in collector.spooled())
    assert kept
    assert b"198.51" not in kept
