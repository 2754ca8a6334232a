"""What the plan forbids to store does not reach the spool, however it is sent and whatever becomes of the event."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from trackway_collector.ingest.verdicts.decode import BatchDecoder
from trackway_collector.releases import LiveReleases
from trackway_collector.spool import Record
from trackway_plan import EventSpec, Plan, PropertySpec, Release, compile_release
from trackway_plan.model import Former
from trackway_plan.redact import hashed

from .test_wire import event

KEY = b"a key of the operator's own"
SECRET = "for Ana alone"
HASH = hashed(json.dumps(SECRET).encode(), KEY)


def plan(rev: int = 1, **policy: str) -> Release:
    """Gifts: a note that is dropped, an address that is hashed, also inside; a trait that is dropped."""
    inner = {"street": PropertySpec(kind="string", store="hash"), "city": PropertySpec(kind="string")}
    properties = {
        "packets": PropertySpec(kind="int"),
        "note": PropertySpec(kind="text", store="drop"),
        "email": PropertySpec(kind="string", store="hash", max_length=20),
        "to": PropertySpec(kind="object", properties=inner),
        "words": PropertySpec(kind="list", of=PropertySpec(kind="string", store="drop")),
        "mails": PropertySpec(kind="list", of=PropertySpec(kind="string", store="hash")),
        "sender": PropertySpec(kind="object", store="hash", properties={"name": PropertySpec(kind="string")}),
        "guests": PropertySpec(kind="list", of=PropertySpec(kind="object", properties=inner)),
    }
    gift = EventSpec(name="gift_sent", properties=properties, formerly=(Former(event="gift_given", through=1),))
    other = EventSpec(name="seen", properties={"note": PropertySpec(kind="string")})
    traits = {"user": {"phone": PropertySpec(kind="string", store="drop"), "plan": PropertySpec(kind="string")}}
    policy = {"unstamped": "allow"} | policy
    events = {"gift_sent": gift, "seen": other}
    return compile_release(Plan(name="gifts", events=events, traits=traits, on_violation=policy), rev)


def gift(**changes: Any) -> dict[str, Any]:
    return event(**({"event": "gift_sent", "properties": {"packets": 1, "note": SECRET, "email": SECRET}} | changes))


def stored(body: Any, release: Release | LiveReleases | None = None, call: str = "") -> tuple[Record, bytes]:
    """What the spool gets of a body."""
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    decoder = BatchDecoder(release or plan(), hash_key=KEY)
    record, kept = decoder.decode(raw, call=call, source="web", received_at_us=1)
    assert SECRET.encode() not in kept + msgspec.json.encode(record)
    return record, kept


def events(kept: bytes) -> list[Any]:
    found: list[Any] = msgspec.json.decode(kept)["batch"]
    return found


def test_a_good_event_loses_just_that() -> None:
    """Dropped is gone, hashed is the HMAC; the event is ok, and everything else of it as it was."""
    record, kept = stored({"batch": [gift()], "sentAt": "2026-05-01T10:00:00Z", "context": {"app": {"name": "shop"}}})
    body = msgspec.json.decode(kept)
    assert (record.verdict, record.exceptions) == ("ok", {})
    assert body["batch"] == [gift(properties={"packets": 1, "email": HASH})]
    assert (body["sentAt"], body["context"]) == ("2026-05-01T10:00:00Z", {"app": {"name": "shop"}})


def test_what_an_sdk_with_a_key_sends_goes_the_fast_way_untouched() -> None:
    """Already hashed and without what is dropped: one pass, the client's own bytes."""
    body = msgspec.json.encode({"batch": [gift(properties={"packets": 1, "email": HASH})]})
    record, kept = stored(body)
    assert (record.careful, kept) == (False, body)


@pytest.mark.parametrize(
    "changes",
    [
        {"properties": {"packets": "three", "note": SECRET}},
        {"properties": {"packets": 1, "email": [SECRET]}},
        {"properties": {"to": {"street": SECRET, "city": "Porto"}, "guests": [{"street": SECRET}]}},
        {"properties": {"to": [{"street": SECRET}], "guests": {"street": SECRET}}},
        {"properties": {"guests": {"0": {"street": SECRET}, "2": [{"street": SECRET}]}}},
        {"properties": {"words": {"0": SECRET, "2": {"a": SECRET}}, "mails": {"0": SECRET, "2": [SECRET]}}},
        {"properties": {"to": json.dumps({"street": SECRET})}},
        {"properties": json.dumps({"note": SECRET})},
        {"properties": [{"note": SECRET}]},
        {"type": "trakc"},
        {"type": None},
        {"userId": {"id": 1}},
        {"event": "gift_given"},
        {"properties": {"note": SECRET}, "timestamp": "yesterday"},
        {"properties": {"email": SECRET * 9}},
        {"type": "identify", "traits": {"phone": SECRET, "plan": "pro"}},
        {"type": "track", "traits": {"phone": SECRET}, "event": "seen", "properties": {}},
        {"event": "seen", "properties": {}, "context": {"traits": {"phone": SECRET}}},
        {"event": "seen", "properties": {}, "context": json.dumps({"traits": {"phone": SECRET}})},
        {"event": "seen", "properties": {}, "context": [{"traits": {"phone": SECRET}}]},
        {"event": ["gift_sent"]},
        {"event": {"name": "gift_sent"}, "type": "trakc"},
        {"properties": {"packets": 1, "sender": {SECRET: True}}},
        {"properties": {"packets": "three", "sender": {"name": 1, SECRET: True}}},
        {"event": "seen", "properties": {}, "pad": "x" * 40_000, "context": {"traits": {"phone": SECRET}}},
    ],
)
def test_flagged_quarantined_and_rejected_events_keep_nothing_of_it(changes: dict[str, Any]) -> None:
    """Whatever is wrong with the event, at any depth, in properties and traits, under former names."""
    stored({"batch": [gift(**changes), event(event="seen", properties={})]})


@pytest.mark.parametrize(
    "raw",
    [
        b'{"type":"track","event":"gift_sent","properties":{"x":NaN,"note":"%s"}}',
        b'{"type":"track","event":"gift_sent","properties":{"x":"\\ud800","note":"%s"}}',
        b'{"type":"track","event":"gift_sent","properties":{"x":"\xff","email":"%s"}}',
        b'{"type":"track","event":"gift_sent","properties":{"x":1e999,"to":{"street":"%s"}}}',
        b'{"type":"track","event":"gift_sent","properties":{"\\ud800":1,"note":"%s"}}',
        b'{"type":"track","event":"gift_sent","x\\ud800":1,"properties":{"note":"%s"}}',
        b'{"type":"track","event":"gift_sent","properties":{"note":"%s","note":"x"}}',
        b'{"type":"track","event":"gift_sent","properties":{"note":"%s"},"properties":{}}',
        b'{"type":"track","event":"seen","properties":{},"event":"gift_sent","properties":{"no\\u0074e":"%s"}}',
        b'{"type":"track","event":"seen","properties":{},"tr\\u0061its":{"phone":"%s"}}',
        b'{"type":"track","event":"gift_sent","properties":{"x":' + b"[" * 900 + b"]" * 900 + b',"note":"%s"}}',
    ],
)
@pytest.mark.parametrize("call", ["", "track"])
def test_unreadable_events_keep_nothing_of_it(raw: bytes, call: str) -> None:
    """NaN, lone surrogates, bad UTF-8, escaped and repeated keys, depth: in a batch and on a single route."""
    one = raw % SECRET.encode()
    stored(one if call else b'{"batch":[' + one + b',{"type":"page","userId":"lina"}]}', call=call)


@pytest.mark.parametrize("call", ["", "track"])
@pytest.mark.parametrize("text", ["[%s]", '"%s"', "\ufeff%s", "%s,%s"])
def test_text_in_the_place_of_an_event_is_withheld(text: str, call: str) -> None:
    """A list of events or a text of one, quoted: it may hold anything, and nobody can take it apart."""
    one = json.dumps(text.replace("%s", json.dumps(gift())))
    stored(one.encode() if call else f'{{"batch":[{one}]}}'.encode(), call=call)


def test_a_list_that_json_cannot_carry_is_withheld() -> None:
    """A list of events in the place of one, with a NaN in it."""
    stored(b'{"batch":[[{"event":"gift_sent","properties":{"x":NaN,"note":"%s"}}]]}' % SECRET.encode())


def test_the_context_of_a_batch_is_an_object_or_nothing() -> None:
    """Traits in a text or a list where the batch's context stands are not kept."""
    for context in (json.dumps({"traits": {"phone": SECRET}}), [{"traits": {"phone": SECRET}}]):
        _, kept = stored({"batch": [event(event="seen", properties={})], "context": context})
        assert msgspec.json.decode(kept)["context"] is None


def test_what_a_batch_says_twice_is_kept_once() -> None:
    """A second `batch` hides nothing, and traits in the batch's own context are traits."""
    stored(b'{"batch":[%s],"batch":[]}' % msgspec.json.encode(gift()))
    body = {"batch": [event(event="seen", properties={})], "context": {"traits": {"phone": SECRET, "plan": "pro"}}}
    _, kept = stored(body)
    assert msgspec.json.decode(kept)["context"] == {"traits": {"plan": "pro"}}


def test_the_newest_release_forbids_for_clients_of_older_ones_too() -> None:
    """What the team has decided to drop is dropped at once, not when the last client is updated."""
    open_gift = EventSpec(name="gift_sent", properties={"note": PropertySpec(kind="text")})
    old = compile_release(Plan(name="gifts", events={"gift_sent": open_gift}), 1)
    context = {"protocols": {"plan": "gifts", "rev": 1, "hash": old.hash}}
    record, kept = stored(
        {"batch": [gift(properties={"note": SECRET}, context=context)]}, LiveReleases.of([old, plan(2)])
    )
    assert record.exceptions[0].rev == 1
    assert events(kept)[0]["properties"] == {}


def one_event(rev: int, event: EventSpec, traits: dict[str, PropertySpec] | None = None) -> Release:
    plan = Plan(name="gifts", events={event.name: event}, traits={"user": traits} if traits else {})
    return compile_release(plan, rev)


DROPPED = PropertySpec(kind="text", store="drop")
KEPT = PropertySpec(kind="text")


@pytest.mark.parametrize(
    ("releases", "sent"),
    [
        ([plan(1), one_event(2, EventSpec(name="gift_sent", properties={"packets": KEPT}))], gift()),
        ([plan(1), one_event(2, EventSpec(name="seen", properties={"packets": KEPT}))], gift()),
        ([plan(1), one_event(2, EventSpec(name="seen"))], event(type="identify", traits={"phone": SECRET})),
        (
            [plan(1), one_event(2, EventSpec(name="gift_sent", properties={"to": PropertySpec(kind="object")}))],
            gift(properties={"to": {"street": SECRET}}),
        ),
        (
            [
                one_event(1, EventSpec(name="a", properties={"x": KEPT})),
                one_event(2, EventSpec(name="b", properties={"x": KEPT}, formerly=(Former(event="a"),))),
                one_event(3, EventSpec(name="c", properties={"x": DROPPED}, formerly=(Former(event="b"),))),
            ],
            gift(event="a", properties={"x": SECRET}),
        ),
        (
            [
                one_event(1, EventSpec(name="a", properties={"x": KEPT})),
                one_event(2, EventSpec(name="a", properties={"y": KEPT}, formerly=(Former(property="x", now="y"),))),
                one_event(3, EventSpec(name="a", properties={"z": DROPPED}, formerly=(Former(property="y", now="z"),))),
            ],
            gift(event="a", properties={"x": SECRET}),
        ),
    ],
)
@pytest.mark.parametrize("stamped", [None, 1, -1])
def test_what_left_the_plan_is_forbidden_still(
    releases: list[Release], sent: dict[str, Any], stamped: int | None
) -> None:
    """Of a name that the newest release no longer has, or has over several renames, the last word counts."""
    if stamped is not None:
        release = releases[stamped if stamped < 0 else stamped - 1]
        sent = sent | {"context": {"protocols": {"plan": "gifts", "rev": release.rev, "hash": release.hash}}}
    stored({"batch": [sent]}, LiveReleases.of(releases))


def test_a_property_name_in_use_again_is_forbidden_to_those_who_mean_the_old_one() -> None:
    """`note` of revision 1 is now `words`, which is dropped; the new `note` is another thing, and stored."""
    old = one_event(1, EventSpec(name="gift_sent", properties={"note": KEPT}))
    formerly = (Former(property="note", now="words", through=1),)
    new = one_event(2, EventSpec(name="gift_sent", properties={"note": KEPT, "words": DROPPED}, formerly=formerly))
    kept = []
    for release in (old, new):
        context = {"protocols": {"plan": "gifts", "rev": release.rev, "hash": release.hash}}
        body = msgspec.json.encode({"batch": [gift(properties={"note": "hello"}, context=context)]})
        _, spooled = BatchDecoder(LiveReleases.of([old, new])).decode(body, call="", source="web", received_at_us=1)
        kept.append(events(spooled)[0]["properties"])
    assert kept == [{}, {"note": "hello"}]


def test_a_release_may_allow_again_what_an_earlier_one_forbade() -> None:
    """The last word is the newest's, for clients that are not of the earlier one."""
    both = LiveReleases.of([plan(1), one_event(2, EventSpec(name="gift_sent", properties={"note": KEPT}))])
    body = {"batch": [gift(properties={"note": "hello"})]}
    _, kept = BatchDecoder(both, hash_key=KEY).decode(
        msgspec.json.encode(body), call="", source="web", received_at_us=1
    )
    assert events(kept)[0]["properties"] == {"note": "hello"}


def test_what_left_the_plan_takes_no_event_off_the_fast_way() -> None:
    """An event without it is known in one pass as before."""
    new = one_event(2, EventSpec(name="gift_sent", properties={"packets": PropertySpec(kind="int")}))
    context = {"protocols": {"plan": "gifts", "rev": 2, "hash": new.hash}}
    body = {"batch": [gift(properties={"packets": 1}, context=context)]}
    record, _ = stored(body, LiveReleases.of([plan(1), new]))
    assert not record.careful


def test_a_plan_that_forbids_nothing_keeps_the_clients_bytes() -> None:
    """No redaction, no rewriting: what was sent is what is spooled, repeated keys and all."""
    simple = compile_release(Plan(name="gifts", events={"seen": EventSpec(name="seen")}), 1)
    body = b'{ "batch" : [ {"type":"track", "event":"seen", "userId":"u", "properties":{"a":1.0,"a":1e2}} ] }'
    _, kept = stored(body, simple)
    assert kept == body


# --- strip and reject ------------------------------------------------------------------------------------------


def test_strip_removes_the_property_and_flags_the_event() -> None:
    """Unplanned and wrong properties are gone before the spool, every one of them, and the verdict names them."""
    properties = {"packets": "three", "to": {"city": "Porto", "door": SECRET}} | {f"x{n}": SECRET for n in range(40)}
    record, kept = stored(
        {"batch": [gift(properties=properties)]}, plan(unplanned_property="strip", wrong_type="strip")
    )
    assert events(kept)[0]["properties"] == {"to": {"city": "Porto"}}
    assert record.exceptions[0].outcome == "flagged"
    assert {"wrong_type /packets", "unplanned_property /to/door"} <= set(record.exceptions[0].violations)


def test_strip_holds_for_traits_and_in_quarantine() -> None:
    """A quarantined payload has lost it too; traits are stripped as properties are."""
    strict = plan(unplanned_property="strip")
    user = event(type="identify", traits={"plan": "pro", "x": SECRET})
    record, kept = stored({"batch": [gift(properties={"packets": "three", "x": SECRET}), user]}, strict)
    assert [verdict.outcome for verdict in record.exceptions.values()] == ["quarantined", "flagged"]
    assert [found.get("traits") or found["properties"] for found in events(kept)] == [
        {"packets": "three"},
        {"plan": "pro"},
    ]


def test_properties_that_are_no_object_cannot_be_stripped() -> None:
    """Then the default holds: the event is quarantined."""
    record, _ = stored({"batch": [gift(properties=[1])]}, plan(wrong_type="strip"))
    assert record.exceptions[0].outcome == "quarantined"


def test_a_rejected_event_leaves_nothing_but_its_verdict() -> None:
    """Its place in the batch holds null; what it was rejected for comes first."""
    unknown = gift(event="gift_snt", messageId="m-2", userId=None)
    record, kept = stored({"batch": [gift(), unknown]}, plan(unplanned_event="reject"))
    assert events(kept)[1] is None
    rejected = record.exceptions[1]
    assert (rejected.outcome, rejected.violations, rejected.message_id) == ("rejected", ("unplanned_event",), "m-2")
    assert "gift_sent" in rejected.reasons[0]
