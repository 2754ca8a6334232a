"""Whatever reaches an adapter, its answer is one of the contract's."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trackway_collector.errors import RequestRefused
from trackway_collector.ingest.adapters import ga4, matomo, posthog, rudder, snowplow
from trackway_collector.ingest.adapters.base import Adapter
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
