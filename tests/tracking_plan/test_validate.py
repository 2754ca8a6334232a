"""The verdict on an event: outcome, codes, paths, and sentences that a person can act on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from trackway_plan import Release, Validator, compile_release, load_plan
from trackway_plan.model import Choice, EventSpec, Former, Plan, PropertySpec, Source

EXAMPLES = Path(__file__).parents[2] / "tracking_plan" / "examples"

ORDER = {
    "order_id": "A-1",
    "payment_method": "card",
    "amount_minor": 2500,
    "currency": "EUR",
    "items": [{"sku": "TEA-100", "quantity": 2, "price_minor": 1250}],
}


@pytest.fixture(scope="module")
def storefront() -> Validator:
    return Validator(Release.load(EXAMPLES / "storefront" / "releases" / "0001.json"))


def _order(**changes: Any) -> bytes:
    return msgspec.json.encode({key: value for key, value in (ORDER | changes).items() if value is not ...})


@pytest.mark.parametrize(
    ("changes", "outcome", "code", "path", "message"),
    [
        (
            {"order_id": ...},
            "flagged",
            "missing_required",
            "/order_id",
            "`order_id` is required and missing.",
        ),
        (
            {"amount_minor": "25"},
            "quarantined",
            "wrong_type",
            "/amount_minor",
            '`amount_minor` must be an integer; got "25".',
        ),
        (
            {"payment_method": "walet"},
            "flagged",
            "value_not_allowed",
            "/payment_method",
            '`payment_method` must be one of card, wallet; got "walet". Did you mean `wallet`?',
        ),
        (
            {"payment_method": "wallet"},
            "flagged",
            "rule_failed",
            "/wallet_brand",
            '`wallet_brand` is required when `payment_method` is "wallet".',
        ),
        (
            {"amount_minor": -1},
            "flagged",
            "out_of_range",
            "/amount_minor",
            "`amount_minor` must be at least 0; got an integer: -1.",
        ),
        (
            {"currency": "eur"},
            "flagged",
            "pattern",
            "/currency",
            '`currency` must be text that matches ^[A-Z]{3}$; got "eur".',
        ),
        (
            {"order_id": "A" * 41},
            "flagged",
            "too_long",
            "/order_id",
            "`order_id` must be at most 40 characters long; got text.",
        ),
        (
            {"delivery_on": "2026-02-30"},
            "quarantined",
            "wrong_type",
            "/delivery_on",
            '`delivery_on` must be a date, such as "2026-03-01"; got "2026-02-30".',
        ),
        (
            {"items": []},
            "flagged",
            "out_of_range",
            "/items",
            "`items` must be a list of at least 1 item; got a list of 0 items.",
        ),
        (
            {"items": [{"sku": "TEA-100", "quantity": "2", "price_minor": 1250}]},
            "quarantined",
            "wrong_type",
            "/items/0/quantity",
            '`items[0].quantity` must be an integer; got "2".',
        ),
        (
            {"curency": "EUR"},
            "flagged",
            "unplanned_property",
            "/curency",
            "`curency` is not in the plan.",
        ),
        (
            {"is_frist_order": True},
            "flagged",
            "unplanned_property",
            "/is_frist_order",
            "`is_frist_order` is not in the plan. Did you mean `is_first_order`?",
        ),
        ({"coupon": None}, "ok", "", "", ""),
        (
            {"is_first_order": None},
            "quarantined",
            "wrong_type",
            "/is_first_order",
            "`is_first_order` must be true or false; got null.",
        ),
    ],
)
def test_a_departure_is_named_with_its_place_and_cure(
    storefront: Validator, changes: dict[str, Any], outcome: str, code: str, path: str, message: str
) -> None:
    """Each departure has one code, one JSON pointer, and one sentence on what was expected and came."""
    verdict = storefront.check_track("order_completed", _order(**changes), "api")
    assert (verdict.outcome, verdict.rev) == (outcome, 1)
    found = [(violation.code, violation.path, violation.message) for violation in verdict.violations]
    assert found == ([(code, path, message)] if code else [])


def test_a_misspelt_event_gets_the_near_match(storefront: Validator) -> None:
    """An event the plan does not know follows the policy for unplanned events and names the nearest one."""
    verdict = storefront.check_track("order_complete", b"{}", "api")
    assert verdict.outcome == "quarantined"
    [violation] = verdict.violations
    assert violation.message == ("`order_complete` is not in plan storefront rev 1. Did you mean `order_completed`?")


def test_an_event_from_the_wrong_source_is_flagged(storefront: Validator) -> None:
    """`sent_by` holds for the sources the plan knows; of others, and of none, it says nothing."""
    codes = {
        source: [violation.code for violation in storefront.check_track("order_completed", _order(), source).violations]
        for source in ("api", "web", "warehouse", None)
    }
    assert codes == {"api": [], "web": ["wrong_source"], "warehouse": [], None: []}


def test_a_deprecated_event_says_what_to_send_instead(storefront: Validator) -> None:
    """A deprecated event is stored and flagged, with its end and its successor."""
    verdict = storefront.check_track("product_seen", b'{"sku": "TEA-100"}', "web")
    assert verdict.outcome == "flagged"
    assert [violation.message for violation in verdict.violations] == [
        "`product_seen` is deprecated and will be removed after 2027-01-31. Send `product_viewed` instead."
    ]


def test_a_value_is_shown_only_where_it_is_not_personal(storefront: Validator) -> None:
    """No part of a value of a property with a pii class, or without a class, appears in any message."""
    secret = "mila.secret"
    verdict = storefront.check_traits("user", {"email": secret, "plan": "plus2", "birthday": secret, "nick": secret})
    assert {violation.code for violation in verdict.violations} == {
        "pattern",
        "value_not_allowed",
        "wrong_type",
        "unplanned_property",
    }
    assert all(secret not in violation.message for violation in verdict.violations)
    assert any('"plus2"' in violation.message for violation in verdict.violations)


def test_traits_the_plan_is_silent_about_are_unplanned(storefront: Validator) -> None:
    """Without a traits file for accounts nothing is said about them."""
    assert storefront.check_traits("account", {"name": "Tea House"}).outcome == "unplanned"


@pytest.mark.parametrize("raw", [b'{"a": "\\ud800"}', b'{"a": "\xff"}', b"{", b"", b"[" * 100_000, b'{"a": 1e999}'])
def test_what_cannot_be_read_is_quarantined_and_not_quoted(storefront: Validator, raw: bytes) -> None:
    """Properties that are not JSON spoil their own event only, as a wrong type of the whole."""
    verdict = storefront.check_track("order_completed", raw, "api")
    assert verdict.outcome == "quarantined"
    assert [(violation.code, violation.path) for violation in verdict.violations] == [("wrong_type", "")]


def test_many_violations_are_counted_rather_than_told(storefront: Validator) -> None:
    """Ten thousand unplanned properties are twenty sentences and a number, and hide no wrong type."""
    extra = {f"x{number}": number for number in range(10_000)}
    verdict = storefront.check_track("order_completed", _order(amount_minor="25", **extra), "api")
    assert verdict.outcome == "quarantined"
    assert len(verdict.violations) == 22
    assert verdict.violations[-1].message == "There are 9,980 more violations of this kind."


def test_a_mapping_and_its_json_have_one_verdict(storefront: Validator) -> None:
    """A mapping is judged as the JSON it becomes: a tuple is a list, and a lone surrogate cannot be sent."""
    assert (
        storefront.check_track(
            "order_completed", ORDER | {"items": ({"sku": "TEA-1", "quantity": 1, "price_minor": 1},)}, "api"
        ).outcome
        == "ok"
    )
    assert storefront.check_track("order_completed", ORDER | {"order_id": "\ud800"}, "api").outcome == "quarantined"
    assert storefront.check_track("order_completed", ORDER | {"order_id": object()}, "api").outcome == "quarantined"


def _validator(event: EventSpec, **policy: str) -> Validator:
    web = Source(name="web", on_violation={"unplanned_property": "quarantine"})
    plan = Plan(
        name="tea",
        sources={"web": web, "api": Source(name="api")},
        on_violation=policy,
        events={event.name: event},
    )
    return Validator(compile_release(plan, 3))


def test_the_event_s_policy_goes_before_the_source_s_and_the_plan_s() -> None:
    """`allow` is silent, `flag` marks, `quarantine` sets aside; the most particular policy counts."""
    plain = EventSpec(name="tea_bought")
    assert _validator(plain).check_track("tea_bought", b'{"a": 1}').outcome == "flagged"
    assert _validator(plain, unplanned_property="allow").check_track("tea_bought", b'{"a": 1}').violations == ()
    assert _validator(plain).check_track("tea_bought", b'{"a": 1}', "web").outcome == "quarantined"
    own = EventSpec(name="tea_bought", on_violation={"unplanned_property": "allow"})
    assert _validator(own).check_track("tea_bought", b'{"a": 1}', "web").outcome == "ok"


def test_a_retired_event_is_flagged_and_a_draft_is_planned() -> None:
    """Retired events are still stored; drafts are events of the plan like any other."""
    retired = _validator(EventSpec(name="tea_bought", status="retired"))
    assert [violation.code for violation in retired.check_track("tea_bought", b"{}").violations] == ["retired_event"]
    assert retired.fast_events("web") == ()
    draft = _validator(EventSpec(name="tea_bought", status="draft"))
    assert draft.check_track("tea_bought", b"{}").outcome == "ok"
    assert draft.fast_events("web") == ("tea_bought",)


def test_fast_events_are_those_a_source_may_send(storefront: Validator) -> None:
    """Deprecated events and those of other sources are left to the slow way."""
    assert storefront.fast_events("api") == ("order_completed", "purchase_complete")
    assert storefront.fast_events("web") == ("cart_item_added", "product_viewed")


def test_names_of_any_script_have_a_struct() -> None:
    """Python keywords, spaces, dots, dunder names and any script keep their own names."""
    names = ["class", "a b", "a.b", "__x", "数据", "é", "e\u0301", "😀", "p1", "order_id", "self"]
    event = EventSpec(name="t", properties={n: PropertySpec(name=n, kind="int", required=True) for n in names})
    validator = _validator(event)
    struct = validator.properties_type("t")
    assert struct is not None
    decoded = msgspec.json.decode(msgspec.json.encode(dict.fromkeys(names, 7)), type=struct)
    assert msgspec.to_builtins(decoded) == dict.fromkeys(names, 7)


def test_a_union_complains_of_the_part_that_has_the_value_s_type() -> None:
    """Text that is too long for the text part is too long, and a list fits no part."""
    parts = (PropertySpec(kind="int"), PropertySpec(kind="choice", choices=(Choice(value="none"),)))
    event = EventSpec(name="t", properties={"v": PropertySpec(name="v", kind="union", any_of=parts, pii="none")})
    validator = _validator(event)
    assert [v.code for v in validator.check_track("t", b'{"v": "nome"}').violations] == ["value_not_allowed"]
    assert [v.code for v in validator.check_track("t", b'{"v": []}').violations] == ["wrong_type"]
    assert validator.check_track("t", b'{"v": "none"}').outcome == "ok"


def test_the_storefront_examples_are_ok() -> None:
    """Each example in a plan is an event its own validator accepts."""
    for name in ("demo", "storefront"):
        release = compile_release(load_plan(EXAMPLES / name), 1)
        validator = Validator(release)
        for event in release.events.values():
            for example in event.examples:
                source = event.sent_by[0] if event.sent_by else None
                assert validator.check_track(event.name, example, source).outcome == "ok"


def test_a_property_is_stripped_with_its_former_names() -> None:
    """Where a bad value goes, the value under the former name must not count in its place."""
    properties = {"grams": PropertySpec(name="grams", kind="int")}
    event = EventSpec(
        name="tea_bought", open=True, properties=properties, formerly=(Former(property="weight", now="grams"),)
    )
    plan = Plan(name="tea", events={"tea_bought": event}, on_violation={"wrong_type": "strip"})
    validator = Validator(compile_release(plan, 1))
    verdict = validator.check_track("tea_bought", b'{"grams": "much", "weight": "more"}')
    assert set(verdict.strip) == {("grams",), ("weight",)}
