"""`store: drop` and `store: hash`: what is taken out of an event, and that nothing of it is left."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import pytest

from trackway_plan import EventSpec, Plan, PropertySpec, Release, Validator, compile_release
from trackway_plan.model import Choice, Former
from trackway_plan.redact import Redactor, hashed, is_hashed, read_hash_key, without

KEY = b"a key of the operator's own"


def spec(kind: str = "string", **more: Any) -> PropertySpec:
    return PropertySpec(kind=kind, **more)


def obj(**properties: PropertySpec) -> PropertySpec:
    return PropertySpec(kind="object", properties=properties)


ADDRESS = obj(street=spec(store="hash"), city=spec())
PLAN = Plan(
    name="tea",
    events={
        "tea_ordered": EventSpec(
            name="tea_ordered",
            properties={
                "sku": spec(),
                "gift_note": spec("text", store="drop"),
                "email": spec(store="hash", max_length=30),
                "member": spec("int", store="hash"),
                "address": ADDRESS,
                "guests": spec("list", of=obj(name=spec(store="drop"), age=spec("int"))),
            },
            formerly=(Former(event="tea_bought", through=3), Former(property="mail", now="email", through=3)),
        )
    },
    traits={"user": {"phone": spec(store="drop"), "plan": spec()}},
)


@pytest.fixture(scope="module")
def tea() -> Release:
    return compile_release(PLAN, 4)


def kept(release: Release, properties: str, event: str = "tea_ordered", key: bytes | None = KEY) -> Any:
    return json.loads(bytes(Redactor([release], key).properties(event, properties.encode())))


def mac(data: str) -> str:
    return "hmac-sha256:" + hmac.new(KEY, data.encode(), hashlib.sha256).hexdigest()


def test_drop_leaves_nothing_and_hash_the_hmac_of_the_text(tea: Release) -> None:
    """A dropped property is gone; a hashed one is HMAC-SHA256 of its UTF-8 bytes; the rest is as it was."""
    found = kept(tea, '{"sku": "T-1", "gift_note": "for Ana", "email": "ana@example.org"}')
    assert found == {"sku": "T-1", "email": mac("ana@example.org")}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("5", "5"),
        ("5.0", "5"),
        ("-0.5", "-0.5"),
        ("true", "true"),
        ('"5"', "5"),
        ('{"b":1.0,"a":[1]}', '{"a":[1],"b":1}'),
    ],
)
def test_what_is_no_text_is_hashed_by_its_canonical_json(tea: Release, value: str, text: str) -> None:
    """Numbers hash as they are written shortest, so 5, 5.0 and "5" are one member."""
    assert kept(tea, f'{{"member": {value}}}') == {"member": mac(text)}


def test_hashing_twice_is_hashing_once(tea: Release) -> None:
    """A value that is a hash already is left, so SDK and collector may both hash; null says nothing and is left."""
    once = kept(tea, '{"email": "ana@example.org", "member": null}')
    assert kept(tea, json.dumps(once)) == once
    assert once["member"] is None


def test_without_a_key_hashing_is_left_to_others_and_drop_is_not(tea: Release) -> None:
    """Who has no key drops all the same."""
    assert kept(tea, '{"email": "a", "gift_note": "b"}', key=None) == {"email": "a"}
    assert Redactor([tea], None).needs_key


def test_rules_hold_at_every_depth_and_for_every_shape(tea: Release) -> None:
    """Objects, lists of objects, a list where an object was planned and the other way round are taken apart."""
    address, guest = '{"street": "Rua A", "city": "Porto"}', '{"name": "Rui", "age": 7}'
    assert kept(tea, f'{{"address": {address}, "guests": [{guest}, [{guest}], 3]}}') == {
        "address": {"street": mac("Rua A"), "city": "Porto"},
        "guests": [{"age": 7}, [{"age": 7}], 3],
    }
    assert kept(tea, f'{{"address": [{address}], "guests": {guest}}}') == {
        "address": [{"street": mac("Rua A"), "city": "Porto"}],
        "guests": {"age": 7},
    }


def test_a_text_that_may_hold_what_is_forbidden_is_dropped(tea: Release) -> None:
    """An object sent as JSON in a text cannot be looked into, so nothing of it is kept; all properties likewise."""
    assert kept(tea, '{"address": "{\\"street\\": \\"Rua A\\"}", "sku": "T-1"}') == {"sku": "T-1"}
    assert kept(tea, '"{\\"gift_note\\": \\"for Ana\\"}"') is None


def test_former_names_are_the_same_event_and_property(tea: Release) -> None:
    """What was renamed is as protected under the name it had."""
    found = kept(tea, '{"mail": "ana@example.org", "gift_note": "for Ana"}', event="tea_bought")
    assert found == {"mail": mac("ana@example.org")}


def test_a_key_that_comes_twice_hides_nothing(tea: Release) -> None:
    """Of repeated keys the last counts, and the others do not survive in the bytes."""
    raw = Redactor([tea], KEY).properties("tea_ordered", b'{"sku":"for Ana","email":"for Ana","sku":"T","email":"x"}')
    assert b"for Ana" not in bytes(raw)
    assert json.loads(bytes(raw)) == {"sku": "T", "email": mac("x")}


def test_all_else_is_copied_byte_for_byte(tea: Release) -> None:
    """Numbers that no float holds, escapes and other events are not touched."""
    raw = b'{"sku":"\\u00e9","n":123456789012345678901234567890,"x":1.0}'
    assert bytes(Redactor([tea], KEY).properties("tea_ordered", raw)) == raw
    assert bytes(Redactor([tea], KEY).properties("tea_seen", b'{ "gift_note": "x" }')) == b'{ "gift_note": "x" }'


def test_traits_have_rules_of_their_own(tea: Release) -> None:
    """A user's traits are redacted by the plan's traits."""
    assert json.loads(bytes(Redactor([tea], KEY).traits_of("user", b'{"phone":"1","plan":"pro"}'))) == {"plan": "pro"}


def test_of_two_releases_the_stricter_rule_holds(tea: Release) -> None:
    """A client on an old revision is redacted by the newest too, and a newer plan cannot loosen the old promise."""
    older = compile_release(
        Plan(name="tea", events={"tea_ordered": EventSpec(name="tea_ordered", properties={"sku": spec(store="drop")})}),
        1,
    )
    both = Redactor([older, tea], KEY)
    raw = both.properties("tea_ordered", b'{"sku":"T","gift_note":"for Ana","email":"a"}')
    assert json.loads(bytes(raw)) == {"email": mac("a")}


@pytest.mark.parametrize(
    ("properties", "codes"),
    [
        ({"email": "x" * 31}, ["too_long"]),
        ({"email": mac("x")}, []),
        ({"email": 7}, ["wrong_type"]),
        ({"member": "7"}, ["wrong_type"]),
        ({"member": mac("7")}, []),
        ({"member": 7.0}, []),
        ({"gift_note": 7}, []),
        ({"address": {"street": mac("x")}}, []),
        ({"address": {"street": 7}}, ["wrong_type"]),
    ],
)
def test_the_validator_takes_a_value_or_its_hash(tea: Release, properties: dict[str, Any], codes: list[str]) -> None:
    """A hashed property may come either way; of a dropped one nothing is said."""
    found = Validator(tea).check_track("tea_ordered", properties)
    assert [violation.code for violation in found.violations] == codes


def test_a_message_never_shows_what_may_not_be_stored() -> None:
    """Though its class is `pii: none`, a hashed value is not in the sentence about it."""
    seen = EventSpec(
        name="seen", properties={"code": spec("choice", store="hash", pii="none", choices=(Choice(value="a"),))}
    )
    release = compile_release(Plan(name="tea", events={"seen": seen}), 1)
    (violation,) = Validator(release).check_track("seen", {"code": "secret-word"}).violations
    assert "secret-word" not in violation.message


def test_a_required_property_that_is_dropped_cannot_be_missing() -> None:
    """Before and after the drop the verdict is the same."""
    seen = EventSpec(name="seen", properties={"note": spec(store="drop", required=True)})
    validator = Validator(compile_release(Plan(name="tea", events={"seen": seen}), 1))
    assert [validator.check_track("seen", raw).outcome for raw in (b"{}", b'{"note":"x"}')] == ["ok", "ok"]


def test_strip_removes_paths_and_copies_the_rest() -> None:
    """Members and items go; of nested paths the outer one counts; what stands beside them keeps its bytes."""
    raw = b'{"a":{"b":1.0,"c":[1,{"d":2},3]},"e":9007199254740993}'
    assert (
        bytes(without(raw, [("a", "c", 1, "d"), ("a", "c", 0)])) == b'{"a":{"b":1.0,"c":[{},3]},"e":9007199254740993}'
    )
    assert bytes(without(raw, [("a",), ("a", "b")])) == b'{"e":9007199254740993}'
    assert bytes(without(raw, [("a", "b"), ("a",)])) == b'{"e":9007199254740993}'
    assert bytes(without(raw, [])) == raw


def test_a_short_key_is_refused_without_repeating_it() -> None:
    """Under 16 characters guesses would find it; none at all is none."""
    with pytest.raises(ValueError, match="at least 16") as caught:
        read_hash_key("hunter2")
    assert "hunter2" not in str(caught.value)
    assert read_hash_key("") is None
    assert is_hashed(hashed(b'"x"', KEY))
