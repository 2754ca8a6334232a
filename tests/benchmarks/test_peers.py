"""The bench that compares clients counts right; ours alone, the others are not installed where tests run."""

from __future__ import annotations

import base64
import gzip
import json
import sys
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest

from tests.benchmarks.peers import report, wire
from tests.benchmarks.peers.collector import MAX_BODY_BYTES, Collector
from tests.benchmarks.peers.program import Story
from tests.benchmarks.peers.run import Outcome, run, run_all
from tests.benchmarks.peers.scenarios import Scenario

HERE = Path(sys.executable)


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


SEGMENT = _json({"batch": [{"messageId": "a", "properties": {"n": 1}}, {"messageId": "b", "properties": {"n": 2}}]})
POSTHOG = _json({"batch": [{"uuid": "a", "properties": {"n": 1}}, {"uuid": "b", "properties": {"n": 2}}]})
AMPLITUDE = _json(
    {"events": [{"insert_id": "a", "event_properties": {"n": 1}}, {"insert_id": "b", "event_properties": {"n": 2}}]}
)
MIXPANEL = urlencode(
    {"data": json.dumps([{"properties": {"n": 1, "$insert_id": "a"}}, {"properties": {"n": 2, "$insert_id": "b"}}])}
).encode()
SNOWPLOW = _json(
    {
        "data": [
            {"eid": "a", "ue_px": base64.urlsafe_b64encode(_json({"data": {"data": {"n": 1}}})).decode().rstrip("=")},
            {"eid": "b", "ue_pr": _json({"data": {"data": {"n": 2}}}).decode()},
        ]
    }
)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/batch", SEGMENT),
        ("/batch/", POSTHOG),
        ("/2/httpapi", AMPLITUDE),
        ("/track", MIXPANEL),
        ("/com.snowplowanalytics.snowplow/tp2", SNOWPLOW),
    ],
)
def test_every_wire_format_is_read(path: str, body: bytes) -> None:
    """The number and the id of each event are found in what each client sends, compressed or not."""
    assert wire.arrivals(path, "", body) == [(1, "a"), (2, "b")]
    assert wire.arrivals(path, "gzip", gzip.compress(body)) == [(1, "a"), (2, "b")]


def test_an_unknown_path_is_a_mistake_of_the_bench() -> None:
    """A request that no client here sends is not taken for an empty one."""
    with pytest.raises(ValueError, match="/v2/unknown"):
        wire.arrivals("/v2/unknown", "", b"{}")


def _post(collector: Collector, body: bytes) -> int:
    with urlopen(Request(f"{collector.url}/v1/batch", body), timeout=10) as answer:
        status: int = answer.status
        return status


def test_the_collector_counts_what_it_answered_200() -> None:
    """What comes twice under one id is a repetition, under two ids it is doubled; refused requests count nothing."""
    with Collector() as collector:
        assert _post(collector, SEGMENT) == 200
        assert _post(collector, SEGMENT) == 200
        assert (len(collector.arrived), collector.repeated, collector.doubled) == (2, 2, 0)
        _post(collector, SEGMENT.replace(b'"a"', b'"c"'))
        assert (len(collector.arrived), collector.repeated, collector.doubled) == (2, 3, 1)
        collector.status = 503
        with pytest.raises(OSError, match="503"):
            _post(collector, SEGMENT)
        collector.status = 200
        with pytest.raises(OSError, match=r"413|reset|Broken pipe"):
            _post(collector, SEGMENT + b" " * MAX_BODY_BYTES)
        assert collector.refused == 2
        assert (len(collector.arrived), collector.repeated, collector.doubled) == (2, 3, 1)


def test_a_lost_answer_is_an_arrival() -> None:
    """A collector that resets the connection after it has read the events has them all the same."""
    with Collector() as collector:
        collector.loses_answers = True
        with pytest.raises(OSError, match=r".+"):
            _post(collector, SEGMENT)
        assert len(collector.arrived) == 2


def test_a_collector_that_was_down_comes_back_on_its_port() -> None:
    """Down, it refuses connections; up again, it counts on."""
    with Collector() as collector:
        _post(collector, SEGMENT)
        collector.down()
        with pytest.raises(OSError, match="refused"):
            _post(collector, SEGMENT)
        collector.up()
        _post(collector, POSTHOG.replace(b'"uuid"', b'"messageId"').replace(b'"n": 1', b'"n": 3'))
        assert sorted(collector.arrived) == [1, 2, 3]


def test_nothing_lost_is_counted_as_nothing() -> None:
    """A program in a forked worker that flushes and closes: all its calls arrived, none of them twice."""
    scenario = Scenario("calm", "", Story(events=30, before_fork=10, workers=2), limit_s=60)
    found = run(scenario, "trackway", HERE)
    assert (found.sent, found.lost, found.doubled, found.repeated, found.raised) == (70, 0, 0, 0, 0)
    assert not found.forced


def test_what_is_lost_is_counted() -> None:
    """A program that ends while the collector is down loses what memory held; its second run arrives."""
    scenario = Scenario(
        "down", "", Story(events=25, ending="exit"), before=Collector.down, next_process=True, limit_s=60
    )
    found = run(scenario, "trackway", HERE)
    assert (found.sent, found.lost) == (35, 25)


def test_the_page_gets_what_was_found(tmp_path: Path) -> None:
    """Each block is written between its marks, and only there; a scenario that cannot be run here says why."""
    page = tmp_path / "page.md"
    page.write_text("Before\n<!-- losses -->\nold\n<!-- /losses -->\nAfter\n", "utf-8")
    lost = Outcome(1010, 10, 0, 0, 0, 0.001, 2.0, True)
    table = report.losses({"exit": {"trackway": lost, "segment": "not here"}})
    report.write({"losses": table}, page)
    assert page.read_text("utf-8") == (
        "Before\n<!-- losses -->\n"
        "|  | Trackway | segment |\n| --- | --- | --- |\n| exit | **10 of 1,010**† | not here |"
        "\n<!-- /losses -->\nAfter\n"
    )
    page.write_text("<!-- losses -->\n<!-- /losses -->\n", "utf-8")
    report.write({"losses": "new"}, page)
    assert page.read_text("utf-8") == "<!-- losses -->\nnew\n<!-- /losses -->\n"
    with pytest.raises(ValueError, match="waits"):
        report.write({"waits": ""}, page)


def test_only_the_chosen_clients_run() -> None:
    """A client that was not asked for, or whom a scenario leaves out, has no column."""
    scenario = Scenario("disk", "", Story(events=1), clients=("trackway-disk",))
    assert run_all(scenario, HERE, ["trackway", "segment"], print) == {}
