"""The loader, from the spool to rows, on both engines."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from trackway_collector.ingest.rules.sources import Limits
from trackway_collector.loader.dedup import dedup_key
from trackway_collector.loader.verify import verify
from trackway_collector.spool import SpoolReader, load_checkpoint
from trackway_collector.spool.record import encode_record
from trackway_collector.warehouse import Warehouse
from trackway_collector.warehouse.errors import Terminal, Transient
from trackway_plan import compile_release, load_plan

from .conftest import Pipeline


def event(message_id: str, **changes: Any) -> dict[str, Any]:
    """Return one track event of Lina's."""
    return {"type": "track", "event": "seeds_ordered", "messageId": message_id, "userId": "lina", **changes}


def test_an_event_becomes_a_row(pipeline: Pipeline) -> None:
    """Envelope and common context have columns; the rest of the context stays beside them as JSON."""
    pipeline.spool(
        [
            event(
                "m-1",
                anonymousId="a-1",
                timestamp="2026-05-01T10:00:00.000001Z",
                properties={"packets": 2, "kind": "tomato"},
                context={
                    "library": {"name": "trackway-python", "version": "0.1.0"},
                    "page": {"url": "https://garden.example/种子"},
                    "protocols": {"plan": "garden", "rev": 3},
                    "sessionId": "s-1",
                    "screen": {"width": 390, "height": 844},
                    "weather": "rain",
                },
            )
        ]
    )

    pipeline.load()

    columns = (
        "source, type, event, message_id, person_id, user_id, anonymous_id, session_id, timestamp, plan_rev, verdict,"
        " library_name, page_url, screen_width, context, properties.packets.:Int64, properties.kind.:String"
    )
    assert pipeline.rows(columns) == [
        (
            "web", "track", "seeds_ordered", "m-1", "lina", "lina", "a-1", "s-1",
            datetime(2026, 5, 1, 10, 0, 0, 1, UTC), 3, "unplanned", "trackway-python",
            "https://garden.example/种子", 390, '{"protocols":{"plan":"garden"},"weather":"rain"}', 2, "tomato",
        )
    ]  # fmt: skip


@pytest.mark.parametrize("call", ["identify", "page", "screen", "group", "alias"])
def test_other_calls_have_names_of_their_own(pipeline: Pipeline, call: str) -> None:
    """What is no track call is an event named after its type with a dollar sign; traits have a column."""
    pipeline.spool([{"type": call, "messageId": "m", "userId": "lina", "name": "Home", "traits": {"plan": "free"}}])

    pipeline.load()

    name = "Home" if call in ("page", "screen") else ""
    assert pipeline.rows("type, event, name, traits.plan.:String") == [(call, f"${call}", name, "free")]


def test_a_wrong_clock_is_corrected_and_a_slow_one_is_not(pipeline: Pipeline) -> None:
    """Beyond a minute's difference between sentAt and receipt an event is shifted by it; all stamps are kept."""
    received_us = 1_778_000_000_000_000
    batch = b'{"sentAt":"%s","batch":[{"type":"track","event":"e","messageId":"%s","userId":"u","timestamp":"%s"}]}'
    hour_behind = batch % (b"2026-05-05T15:53:20Z", b"behind", b"2026-05-05T15:53:10Z")
    punctual = batch % (b"2026-05-05T16:53:00Z", b"punctual", b"2026-05-05T16:52:00Z")

    pipeline.spool(hour_behind, punctual, at_us=received_us)
    pipeline.load()

    received = datetime(2026, 5, 5, 16, 53, 20, tzinfo=UTC)
    assert pipeline.rows("message_id, timestamp, original_timestamp, sent_at, received_at") == [
        (
            "behind",
            received.replace(second=10),
            received.replace(hour=15, second=10),
            received.replace(hour=15),
            received,
        ),
        ("punctual", *[received.replace(minute=52, second=0)] * 2, received.replace(minute=53, second=0), received),
    ]


def test_any_time_from_1970_on_is_exact(pipeline: Pipeline) -> None:
    """Events of the last century and of the next are stored to the microsecond."""
    stamps = [
        "1970-01-01T00:00:00.000001Z",
        "1999-12-31T23:59:59.999999Z",
        "2001-09-09T01:46:40Z",
        "2261-01-01T00:00:00Z",
    ]

    pipeline.spool([event(f"m-{n}", timestamp=stamp) for n, stamp in enumerate(stamps)])
    pipeline.load()

    assert [(datetime.fromisoformat(stamp),) for stamp in stamps] == pipeline.rows("timestamp")


def test_what_cannot_be_a_time_is_kept_as_text(pipeline: Pipeline) -> None:
    """Year 1, year 9999 and nonsense are stored at the time of receipt, the client's own text in misfits."""
    stamps = ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "soon", 7]

    pipeline.spool([event(f"m-{n}", timestamp=stamp) for n, stamp in enumerate(stamps)])
    pipeline.load()

    rows = pipeline.rows("timestamp = received_at, violations, misfits")
    assert [(True, ["bad_timestamp"])] * 4 == [row[:2] for row in rows]
    assert ['"0001-01-01T00:00:00Z"', '"9999-12-31T23:59:59Z"', '"soon"', "7"] == [row[2]["timestamp"] for row in rows]


def test_hard_values_lose_nothing(pipeline: Pipeline) -> None:
    """Numbers beyond 2^53, dots and prefixes in names, doubled keys, deep nesting and any script come back as sent."""
    deep: Any = "bottom"
    for _ in range(120):
        deep = {"d": deep}
    pipeline.spool(
        [
            event("big", properties={"n": 2**53 + 1, "m": 2**63 + 5}),
            event("huge", properties={"n": 10**30}),
            event("dots", properties={"a.b": 1, "a": {"b": 2}}),
            event("deep", properties={"deep": deep}),
            event("emoji", properties={"名前": "🌱", "": "empty"}),
            event("many", properties={f"p{n}": n for n in range(2_000)}),
        ]
    )

    pipeline.load()

    assert pipeline.rows("properties.n.:Int64, properties.m.:UInt64")[0] == (2**53 + 1, 2**63 + 5)
    misfits = dict(pipeline.rows("message_id, misfits"))
    assert misfits["huge"] == {"n": str(10**30)}
    assert misfits["deep"]["deep"].count("{") == 120
    assert pipeline.rows("properties.`a%2Eb`.:Int64, properties.a.b.:Int64")[2] == (1, 2)
    assert pipeline.rows("properties.`名前`.:String")[4] == ("🌱",)
    assert pipeline.rows("length(JSONExtractKeys(toJSONString(properties)))")[5] == (2_000,)
    assert not pipeline.rows("offset", "quarantine")


def test_ten_thousand_properties_are_stored_whole(pipeline: Pipeline) -> None:
    """Where the limits let it in, an event of 10,000 properties is a row like any other and loses none of them."""
    pipeline.limits = Limits(event_bytes=1_000_000, batch_bytes=2_000_000)
    pipeline.spool([event("before"), event("many", properties={f"p{n}": n for n in range(10_000)})])

    pipeline.load()

    assert pipeline.rows("message_id, length(JSONExtractKeys(toJSONString(properties)))") == [
        ("before", 0),
        ("many", 10_000),
    ]
    assert pipeline.rows("properties.p9999.:Int64")[1] == (9_999,)


def test_quarantined_events_keep_payload_and_reasons(pipeline: Pipeline) -> None:
    """An event that cannot be an event is a quarantine row with its own text and a reason for people."""
    pipeline.spool([event("fine"), {**event("odd"), "type": "trakc"}, b"[]" and 7])

    pipeline.load()

    assert pipeline.rows("message_id") == [("fine",)]
    (odd, seven) = pipeline.rows("message_id, codes, reasons, payload, offset", "quarantine")
    assert odd[:2] == ("odd", ["unknown_type"])
    assert "track" in odd[2][0]
    assert '"trakc"' in odd[3]
    assert (seven[1], seven[3], seven[4]) == (["bad_envelope"], "7", 2)


def test_an_event_sent_again_is_stored_once(pipeline: Pipeline) -> None:
    """The same (source, messageId) counts once: in a batch, in another grouping, by another worker, after a restart."""
    pipeline.spool([event("a"), event("b"), event("a")])
    pipeline.load()
    pipeline.spool([event("b"), event("c")])
    pipeline.spool([event("c"), event("d")], worker="w1")
    pipeline.load()
    pipeline.spool([event("a")], source="api")

    loader = pipeline.load()

    stored = sorted(pipeline.rows("source, message_id"))
    assert stored == [("api", "a"), ("web", "a"), ("web", "b"), ("web", "c"), ("web", "d")]
    assert loader.stats.duplicates == 0
    assert pipeline.warehouse.query("SELECT sum(duplicates) FROM loads").one() == 3
    assert all(count.missing == 0 for count in verify(pipeline.warehouse, pipeline.spool_dir))


def test_any_key_is_remembered_over_a_restart(pipeline: Pipeline) -> None:
    """Keys that end in zero bytes come back from the warehouse whole, so a restart recognises their events too."""
    ending_in_zero = next(f"m-{n}" for n in range(10_000) if dedup_key("web", f"m-{n}").endswith(b"\0"))
    pipeline.spool([event(ending_in_zero), event("other")])
    pipeline.load()

    pipeline.spool([event(ending_in_zero)])
    loader = pipeline.load()

    assert (loader.stats.stored, loader.stats.duplicates, loader.died) == (0, 1, False)


class Interrupted(Exception):
    """Stands for the death of the store process."""


class Unsteady:
    """A warehouse that fails on command, in front of a real one."""

    def __init__(self, warehouse: Warehouse, *failures: str) -> None:
        self._warehouse = warehouse
        self._failures = list(failures)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._warehouse, name)

    def insert_rows(self, table: str, rows: bytes, *, token: str, query_id: str) -> None:
        """Insert, or fail as the next word says: before, after, half way, or with the process."""
        failure = self._failures.pop(0) if self._failures else ""
        if failure == "refused":
            raise Transient("nobody answers")
        if failure == "half":
            lines = rows.split(b"\n")
            rows = b"\n".join(lines[: len(lines) // 2])
        self._warehouse.insert_rows(table, rows, token=token, query_id=query_id)
        if failure in ("unseen", "half"):
            raise Transient("the connection broke")
        if failure == "died":
            raise Interrupted


@pytest.mark.parametrize(
    "failures",
    [
        ["refused", "refused"],
        ["unseen"],
        ["half"],
        ["half", "half", "unseen"],
        ["", "unseen"],
        ["", "", "unseen"],
    ],
)
def test_an_unseen_answer_loses_and_doubles_nothing(pipeline: Pipeline, failures: list[str]) -> None:
    """Whether an insert was refused, happened without an answer, or half happened: every row is there once."""
    pipeline.spool([event(f"m-{n}") for n in range(20)] + [{**event("odd"), "type": "trakc"}])

    pipeline.load(Unsteady(pipeline.warehouse, *failures))

    assert pipeline.rows("message_id") == [(f"m-{n}",) for n in range(20)]
    assert pipeline.rows("message_id", "quarantine") == [("odd",)]
    assert pipeline.warehouse.query("SELECT count(), sum(events) FROM loads").rows == [(1, 20)]
    assert [0] == [count.missing for count in verify(pipeline.warehouse, pipeline.spool_dir)]


@pytest.mark.parametrize("failures", [["died"], ["", "died"], ["", "", "died"]])
def test_a_store_that_died_in_mid_chunk_is_settled_by_the_next(pipeline: Pipeline, failures: list[str]) -> None:
    """After a death between insert and checkpoint the next start counts what is there and adds what is missing."""
    pipeline.spool([event(f"m-{n}") for n in range(20)] + [{**event("odd"), "type": "trakc"}, event("m-3")])
    died = pipeline.load(Unsteady(pipeline.warehouse, *failures))
    assert died.died
    assert load_checkpoint(pipeline.spool_dir / "w0").pending is not None
    pipeline.spool([event("m-19"), event("m-20")])

    pipeline.load()

    assert pipeline.rows("message_id") == [(f"m-{n}",) for n in range(21)]
    assert pipeline.rows("message_id", "quarantine") == [("odd",)]
    assert [0, 0] == [count.missing for count in verify(pipeline.warehouse, pipeline.spool_dir)]


class Picky:
    """A warehouse that refuses some rows for good."""

    def __init__(self, warehouse: Warehouse, word: bytes) -> None:
        self._warehouse = warehouse
        self._word = word

    def __getattr__(self, name: str) -> Any:
        return getattr(self._warehouse, name)

    def insert_rows(self, table: str, rows: bytes, *, token: str, query_id: str) -> None:
        """Insert unless the word is in an event's row."""
        if table == "events" and self._word in rows:
            raise Terminal("cannot parse the word")
        self._warehouse.insert_rows(table, rows, token=token, query_id=query_id)


def test_a_poison_row_is_bisected_out(pipeline: Pipeline) -> None:
    """A row that the engine refuses goes to quarantine with the engine's reason; its neighbours are stored."""
    pipeline.spool([event(f"m-{n}", properties={"word": "poison" if n in (3, 11) else "fine"}) for n in range(16)])

    pipeline.load(Picky(pipeline.warehouse, b"poison"))

    assert len(pipeline.rows("message_id")) == 14
    poisoned = pipeline.rows("message_id, codes, reasons", "quarantine")
    assert [("m-3", ["poison"]), ("m-11", ["poison"])] == [row[:2] for row in poisoned]
    assert "cannot parse the word" in poisoned[0][2][0]
    assert [0] == [count.missing for count in verify(pipeline.warehouse, pipeline.spool_dir)]


def test_loaded_segments_stay_for_the_grace_period(pipeline: Pipeline, tmp_path: Path) -> None:
    """A segment is deleted when the checkpoint has passed it and the grace period is over, never the current one."""
    from trackway_collector.loader.loop import Loader
    from trackway_collector.spool.layout import segment_numbers

    from .conftest import wait_for

    pipeline.spool([event("a")])
    pipeline.spool([event("b")])
    pipeline.load()
    assert [1, 2] == segment_numbers(pipeline.spool_dir / "w0")

    loader = Loader(pipeline.warehouse, pipeline.spool_dir, grace_s=0.1)
    loader.start()
    wait_for(lambda: segment_numbers(pipeline.spool_dir / "w0") == [2], 10)
    loader.stop()

    assert pipeline.rows("message_id") == [("a",), ("b",)]


def test_an_old_repetition_is_a_new_event(pipeline: Pipeline) -> None:
    """Outside the window of seven days the same id counts again."""
    day_us = 86_400_000_000
    now_us = time.time_ns() // 1000
    pipeline.spool([event("a"), event("b")], at_us=now_us - 9 * day_us)
    pipeline.load()

    pipeline.spool([event("a")])
    pipeline.load()

    assert sorted(pipeline.rows("message_id")) == [("a",), ("a",), ("b",)]


def test_a_property_is_stored_under_its_stored_name(pipeline: Pipeline, tmp_path: Path) -> None:
    """`store_as` of the plan renames at any depth, for clean and for flagged events, and nothing else moves."""
    (tmp_path / "plan" / "events" / "garden").mkdir(parents=True)
    (tmp_path / "plan" / "plan.yaml").write_text(
        "plan: garden\nformat: 1\nsources:\n  web: {kind: client}\non_violation: {unstamped: allow}\n"
    )
    (tmp_path / "plan" / "events" / "garden" / "seeds_ordered.yaml").write_text(
        "event: seeds_ordered\nsummary: Somebody ordered seeds.\nowner: garden\nsent_by: [web]\nproperties:\n"
        "  size: {type: int, store_as: packets}\n"
        "  to: {type: object, properties: {zip: {type: string, store_as: postcode}}}\n"
    )
    pipeline.release = compile_release(load_plan(tmp_path / "plan"), rev=1)
    clean = {"size": 3, "to": {"zip": "1010"}}

    pipeline.spool([event("clean", properties=clean), event("flagged", properties={**clean, "more": 1})])
    pipeline.load()

    columns = "verdict, properties.packets, properties.to.postcode.:String, toJSONString(properties) LIKE '%zip%'"
    assert pipeline.rows(columns) == [("ok", 3, "1010", 0), ("flagged", 3, "1010", 0)]


def test_a_long_outage_does_not_shorten_the_window(pipeline: Pipeline) -> None:
    """A repetition received in the window is recognised even when it is loaded, after a restart, long after it."""
    day_us = 86_400_000_000
    now_us = time.time_ns() // 1000
    pipeline.spool([event("a")], at_us=now_us - 12 * day_us)
    pipeline.load()
    pipeline.spool([event("a"), event("b")], at_us=now_us - 9 * day_us)
    committed_long_ago(pipeline.spool_dir / "w0", now_us - 9 * day_us)

    pipeline.load()

    assert sorted(pipeline.rows("message_id")) == [("a",), ("b",)]


def committed_long_ago(directory: Path, at_us: int) -> None:
    """Write the newest segment again as if its one block had been committed at that time."""
    from trackway_collector.spool.layout import SEGMENT_HEADER, pack_block, segment_numbers, segment_path

    number = segment_numbers(directory)[-1]
    chunk = SpoolReader(directory).read(number, 0, max_events=1)
    assert chunk is not None
    records = [(encode_record(record), body) for block in chunk.blocks for record, body in block.records()]
    path = segment_path(directory, number)
    path.write_bytes(path.read_bytes()[: SEGMENT_HEADER.size] + pack_block(records, chunk.events, 0, at_us))
