"""Enriched rows and sessions, through the loader, on both engines."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from trackway_collector.ingest.verdicts.decode import BatchDecoder
from trackway_collector.loader.loop import Loader
from trackway_collector.spool import Checkpoint, Pending, SpoolWriter, load_checkpoint, save_checkpoint
from trackway_collector.spool.record import Client, encode_record
from trackway_plan import compile_release, load_plan

from .conftest import Pipeline, wait_for

T0 = datetime.now(UTC) - timedelta(hours=3)
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:129.0) Gecko/20100101 Firefox/129.0"


def spool_from(pipeline: Pipeline, client: Client | None, *events: dict[str, Any]) -> None:
    """Append one batch as a device sends it; each event's time is its `minute` after the start."""
    batch = []
    for event in events:
        at = (T0 + timedelta(minutes=event["minute"])).isoformat()
        rest = {name: value for name, value in event.items() if name != "minute"}
        batch.append({"type": "track", "event": "seed_seen", "timestamp": at} | rest)

    async def spool() -> None:
        writer = SpoolWriter(pipeline.spool_dir / "w0")
        writer.start()
        body = msgspec.json.encode({"batch": batch})
        record, kept = BatchDecoder(None).decode(body, call="", source="web", received_at_us=time.time_ns() // 1000)
        record = msgspec.structs.replace(record, client=client)
        await writer.append(encode_record(record), kept, record.events)
        await writer.close()

    asyncio.run(spool())


def seen(message_id: str, minute: int, device: str = "a-1", **more: Any) -> dict[str, Any]:
    """Return one event of a device."""
    return {"messageId": message_id, "anonymousId": device, "minute": minute, **more}


def test_rows_say_with_what_and_from_where_a_person_came(pipeline: Pipeline) -> None:
    """The request's user agent and the page's address become columns that questions can ask for."""
    url = "https://garden.example/?utm_source=news&utm_medium=email&msclkid=M-1"
    page = {"url": url, "referrer": "https://bing.com/"}
    spool_from(
        pipeline,
        Client("203.0.113.0", FIREFOX, country="PT", city="Lisboa", anonymous_id="c-1"),
        seen("m-1", 0, context={"page": page}),
        {"messageId": "m-2", "minute": 1, "anonymousId": "", "userId": "lina", "context": {"sessionId": "s-1"}},
    )

    pipeline.load()

    columns = (
        "anonymous_id, browser_name, browser_version, os_name, device_type, bot, country, city, channel, referrer_name,"
        " click_id_kind, click_id, campaign_source, page_path, startsWith(session_id, 'auto-'), environment"
    )
    assert pipeline.rows(columns) == [
        (
            "a-1", "Firefox", "129", "Linux", "desktop", "", "PT", "Lisboa", "Email", "Bing", "msclkid", "M-1",
            "news", "/", 1, "production",
        ),
        ("", "Firefox", "129", "Linux", "desktop", "", "PT", "Lisboa", "", "", "", "", "", "", 0, "production"),
    ]  # fmt: skip


def test_a_servers_event_gets_no_session(pipeline: Pipeline) -> None:
    """Only what a person's own device sends has sessions; a client's own session id is kept."""
    spool_from(pipeline, None, seen("m-1", 0))
    spool_from(pipeline, Client(user_agent=FIREFOX), seen("m-2", 0, context={"sessionId": "own"}))

    pipeline.load()

    assert pipeline.rows("message_id, session_id") == [("m-1", ""), ("m-2", "own")]


def test_an_empty_session_id_is_none(pipeline: Pipeline) -> None:
    """A client that sends an empty id has sent no session, and gets one."""
    spool_from(pipeline, Client(user_agent=FIREFOX), seen("m-1", 0, context={"sessionId": ""}), seen("m-2", 1))

    pipeline.load()

    [(first,), (second,)] = pipeline.rows("session_id")
    assert first == second != ""


def test_sessions_outlive_a_restart(pipeline: Pipeline) -> None:
    """The loader that comes next goes on with the sessions whose rows are stored, and begins new ones after the gap."""
    client = Client(user_agent=FIREFOX)
    spool_from(pipeline, client, seen("m-1", 0), seen("m-2", 10), seen("x-1", 0, "a-2"))
    pipeline.load()
    spool_from(pipeline, client, seen("m-3", 35), seen("m-4", 70))
    pipeline.load()

    ids = dict(pipeline.rows("message_id, session_id"))

    assert ids["m-1"] == ids["m-2"] == ids["m-3"]
    assert len({ids["m-1"], ids["m-4"], ids["x-1"]}) == 3


def test_a_chunk_stored_in_part_is_completed_with_the_same_sessions(pipeline: Pipeline) -> None:
    """After a crash between insert and checkpoint, missing rows get the ids they would have had; stored ones stay."""
    client = Client(user_agent=FIREFOX)
    spool_from(pipeline, client, seen("m-1", 0), seen("m-2", 10), seen("m-3", 50))
    pipeline.load()
    before = pipeline.rows("message_id, session_id")
    pipeline.warehouse.command("DELETE FROM events WHERE message_id IN ('m-1', 'm-3')")
    _make_pending(pipeline, events=3)

    loader = Loader(pipeline.warehouse, pipeline.spool_dir)
    loader.start()
    wait_for(lambda: loader.died or len(pipeline.rows("message_id")) == 3, 30)
    loader.stop()

    assert not loader.died
    assert pipeline.rows("message_id, session_id") == before


def _make_pending(pipeline: Pipeline, events: int) -> None:
    directory = pipeline.spool_dir / "w0"
    done = load_checkpoint(directory)
    span = Pending(done.segment, 0, events, 0, done.byte)
    save_checkpoint(directory, Checkpoint(done.segment, 0, span))


_TEA = """\
event: tea_bought
summary: Somebody bought tea.
formerly: [{property: mail, now: email}]
properties:
  email: {type: string, normalise: email, pii: contact}
  paid_in: {type: string, normalise: currency, store_as: currency, pii: none}
  address: {type: object, properties: {country: {type: string, normalise: country, pii: location}}}
  phones: {type: list, of: {type: string, normalise: phone, pii: contact}}
  plain: {type: string, pii: none}
"""


def test_planned_values_are_stored_in_their_one_form(pipeline: Pipeline, tmp_path: Path) -> None:
    """At every depth, under former names and stored names, in traits too; changes are counted by rule and property."""
    plan = tmp_path / "plan"
    (plan / "events" / "shop").mkdir(parents=True)
    (plan / "traits").mkdir()
    (plan / "plan.yaml").write_text("plan: tea\nformat: 1\n")
    (plan / "events" / "shop" / "tea_bought.yaml").write_text(_TEA)
    (plan / "traits" / "user.yaml").write_text(
        "traits: user\nproperties:\n  zone: {type: string, normalise: timezone, pii: location}\n"
    )
    pipeline.release = compile_release(load_plan(plan), rev=1)
    bought = {"type": "track", "event": "tea_bought", "userId": "ana"}
    pipeline.spool(
        [
            bought | {"messageId": "m-1", "properties": {
                "email": " Ana@Example.com", "paid_in": "eur", "address": {"country": "Portugal"},
                "phones": ["+351 912 345 678", "912"], "plain": " As Sent ",
            }},
            bought | {"messageId": "m-2", "properties": {"mail": "ANA@example.com", "paid_in": "EUR"}},
            bought | {"messageId": "m-3", "properties": {"email": 7}},
            {"type": "identify", "messageId": "m-4", "userId": "ana", "traits": {"zone": "Asia/Calcutta"}},
            bought | {"event": "unplanned", "messageId": "m-5", "properties": {"email": "X@Y.Z"}},
        ]
    )  # fmt: skip

    loader = pipeline.load()

    found = pipeline.rows("message_id, toString(properties.email), toString(properties.currency)")
    assert ("m-1", "ana@example.com", "EUR") in found
    assert ("m-5", "X@Y.Z", None) in found
    row = "toString(properties.address.country), toString(properties.plain), arrayStringConcat(properties.phones, '|')"
    assert pipeline.rows(row)[0] == ("PT", " As Sent ", "+351912345678|912")
    assert ("ana@example.com",) in pipeline.rows("toString(properties.mail)")
    assert ("Asia/Kolkata",) in pipeline.rows("toString(traits.zone)")
    assert loader.stats.normalised == {
        ("email", "email"): 1,
        ("email", "mail"): 1,
        ("currency", "paid_in"): 1,
        ("country", "address.country"): 1,
        ("phone", "phones"): 1,
        ("timezone", "traits.zone"): 1,
    }
