"""One name for one thing: `formerly` over releases, and what the validator makes of events under former names."""

from __future__ import annotations

from typing import Any

import pytest

from trackway_plan import Choice, EventSpec, Plan, PropertySpec, Release, Rule, Validator, compile_release
from trackway_plan.model import Former
from trackway_plan.renames import Names, Reading, Sent


def release(rev: int, *events: EventSpec) -> Release:
    """A release of a plan of these events."""
    return compile_release(Plan(name="tea", events={event.name: event for event in events}), rev)


def prop(kind: str = "int", **limits: Any) -> PropertySpec:
    return PropertySpec(kind=kind, **limits)


def properties(**specs: PropertySpec) -> dict[str, PropertySpec]:
    return {name: PropertySpec(**{f: getattr(spec, f) for f in spec.__struct_fields__} | {"name": name})
            for name, spec in specs.items()}  # fmt: skip


CHECKOUT = release(3, EventSpec(name="checkout", properties=properties(total=prop())))
PURCHASE = release(
    5,
    EventSpec(
        name="purchase",
        properties=properties(sum=prop()),
        formerly=(Former(event="checkout", through=4), Former(property="total", now="sum", through=4)),
    ),
)
ORDER = release(
    9,
    EventSpec(
        name="order",
        properties=properties(amount=prop(store_as="amount_2")),
        formerly=(Former(event="purchase", through=8), Former(property="sum", now="amount", through=8)),
    ),
)


def test_a_chain_of_renames_resolves_to_the_newest_name() -> None:
    """checkout → purchase → order in three releases is one event, and total → sum → amount one property."""
    names = Names.of(ORDER, CHECKOUT, PURCHASE)
    assert [names.event(name) for name in ("checkout", "purchase", "order", "other")] == ["order"] * 3 + ["other"]
    assert names.events("order") == (Sent("order"), Sent("purchase"), Sent("checkout"))
    amount = Reading((Sent("amount_2"), Sent("sum"), Sent("total")))
    assert names.readings("amount") == names.readings("sum") == names.readings("total") == {"order": amount}


def test_one_release_alone_knows_what_it_says() -> None:
    """Without older releases, the names that the newest one lists are resolved, and no others."""
    names = Names.of(ORDER)
    assert names.events("order") == (Sent("order"), Sent("purchase"))
    assert names.event("checkout") == "checkout"


def test_a_plan_without_renames_has_no_aliases() -> None:
    """Where nothing was renamed, every name means itself and there is nothing to resolve."""
    assert not Names()
    assert not Names.of(CHECKOUT)
    assert Names.of(CHECKOUT).events("checkout") == (Sent("checkout"),)
    assert Names.of(CHECKOUT).readings("total") == {}


def test_a_name_used_again_is_told_apart_by_revision() -> None:
    """`cart` up to revision 8 is `basket`; from 9 on it is the new `cart`."""
    again = release(9, EventSpec(name="basket", formerly=(Former(event="cart", through=8),)), EventSpec(name="cart"))
    names = Names.of(again, release(5, EventSpec(name="cart")))
    assert names.events("basket") == (Sent("basket"), Sent("cart", 0, 8))
    assert names.events("cart") == (Sent("cart", 8, None),)
    assert names.event("cart") == "cart"
    assert names.former_events() == {"cart": ((8, "basket"), (None, "cart"))}


def test_a_name_used_again_later_does_not_need_through() -> None:
    """The first release in which the name lives again ends what it meant before."""
    first = release(2, EventSpec(name="basket", formerly=(Former(event="cart"),)))
    third = release(6, EventSpec(name="basket"), EventSpec(name="cart"))
    names = Names.of(third, first, release(1, EventSpec(name="cart")))
    assert names.events("basket") == (Sent("basket"), Sent("cart", 0, 5))


def test_a_rename_that_was_taken_back_is_one_event() -> None:
    """a → b → a ends as a, with b as its former name and no circle."""
    names = Names.of(
        release(3, EventSpec(name="a", formerly=(Former(event="b", through=2),))),
        release(2, EventSpec(name="b", formerly=(Former(event="a", through=1),))),
        release(1, EventSpec(name="a")),
    )
    assert names.events("a") == (Sent("a"), Sent("b"))


def test_two_events_that_swap_names_keep_their_rows() -> None:
    """With `through`, two names may change places; each row is read by the revision it was sent in."""
    names = Names.of(
        release(
            4,
            EventSpec(name="a", formerly=(Former(event="b", through=3),)),
            EventSpec(name="b", formerly=(Former(event="a", through=3),)),
        )
    )
    assert names.events("a") == (Sent("a", 3, None), Sent("b", 0, 3))
    assert names.events("b") == (Sent("b", 3, None), Sent("a", 0, 3))


def test_former_choices_resolve_over_releases_and_inside_objects() -> None:
    """applepay → wallet → ewallet is one value; a choice inside an object is found by its path."""
    old = prop("choice", choices=(Choice(value="wallet", formerly=("applepay",)),))
    new = prop("choice", choices=(Choice(value="ewallet", formerly=("wallet",)), Choice(value="card")))
    box = {"way": PropertySpec(name="way", kind="choice", choices=(Choice(value="air", formerly=("plane",)),))}
    names = Names.of(
        release(2, EventSpec(name="paid", properties=properties(by=new, ship=prop("object", properties=box)))),
        release(1, EventSpec(name="paid", properties=properties(by=old))),
    )
    assert names.readings("by")["paid"].values == {"applepay": "ewallet", "wallet": "ewallet"}
    assert names.readings("ship.way")["paid"] == Reading((Sent("ship.way"),), {"plane": "air"})


def test_what_is_inside_an_object_moves_with_it() -> None:
    """A renamed object takes its properties along; a dot inside a name is escaped as in stored paths."""
    inner = {"city": PropertySpec(name="city", kind="string")}
    event = EventSpec(
        name="sent",
        properties=properties(**{"ship.to": prop("object", properties=inner)}),
        formerly=(Former(property="to", now="ship.to"),),
    )
    names = Names.of(release(1, event))
    assert names.readings("ship%2Eto.city") == {"sent": Reading((Sent("ship%2Eto.city"), Sent("to.city")))}
    assert names.property("sent", "to.city") == "ship%2Eto.city"


def test_a_type_that_changed_under_store_as_is_read_from_both_paths() -> None:
    """`store_as` for a new type leaves the old path readable: both belong to the one property."""
    names = Names.of(
        release(2, EventSpec(name="seen", properties=properties(price=prop("number", store_as="price__2")))),
        release(1, EventSpec(name="seen", properties=properties(price=prop()))),
    )
    assert names.readings("price") == {"seen": Reading((Sent("price__2"), Sent("price")))}


# ── the validator ─────────────────────────────────────────────────────────────────────────────

PAID = EventSpec(
    name="paid",
    sent_by=("web",),
    properties=properties(
        amount=prop(required=True, min=0, pii="none"),
        by=prop("choice", choices=(Choice(value="wallet", formerly=("applepay",)), Choice(value="card"))),
        brand=prop("string"),
    ),
    rules=(Rule(when={"amount": (7,)}, then_required=("brand",)),),
    formerly=(
        Former(event="checkout", through=4),
        Former(property="total", now="sum", through=4),
        Former(property="sum", now="amount", through=8),
    ),
)
OK: list[tuple[str, str, str]] = []
BOTH = "`total` is a former name of `amount`; `{}` is sent too, and counts."


@pytest.mark.parametrize(
    ("event", "raw", "said"),
    [
        ("paid", '{"amount": 1}', OK),
        ("paid", '{"sum": 1}', OK),
        ("checkout", '{"total": 1, "by": "applepay"}', OK),
        ("checkout", '{"amount": 1}', OK),
        ("checkout", '{"sum": 1.0}', OK),
        (
            "paid",
            '{"total": 1, "amount": 2}',
            [("unplanned_property", "/total", BOTH.format("amount"))],
        ),
        (
            "paid",
            '{"total": 1, "sum": 2}',
            [("unplanned_property", "/total", BOTH.format("sum"))],
        ),
        ("checkout", '{"total": "x"}', [("wrong_type", "/total", '`total` must be an integer; got "x".')]),
        ("paid", '{"total": 7}', [("rule_failed", "/brand", "`brand` is required when `total` is 7.")]),
        ("checkout", "{}", [("missing_required", "/amount", "`amount` is required and missing.")]),
    ],
)  # fmt: skip
def test_an_event_under_former_names_is_judged_as_what_it_is_now(
    event: str, raw: str, said: list[tuple[str, str, str]]
) -> None:
    """Former names of event, properties and choices are the plan's own; a message speaks of the name that was sent."""
    verdict = Validator(release(9, PAID)).check_track(event, raw.encode())
    assert [(v.code, v.path, v.message) for v in verdict.violations] == said


def test_an_event_under_a_former_name_has_the_fast_way_too() -> None:
    """Old clients of one revision send all names of then, and are not sent through jsonschema for it."""
    validator = Validator(release(9, PAID))
    assert validator.fast_events("web") == ("paid", "checkout")
    struct = validator.properties_type("checkout")
    assert struct is not None
    assert sorted(struct.__struct_fields__) == ["brand", "by", "total"]


def test_a_former_name_that_is_in_use_again_means_what_it_means_now() -> None:
    """The newest meaning of a name is the one a release judges by."""
    plan = release(9, EventSpec(name="basket", formerly=(Former(event="cart", through=8),)),
                   EventSpec(name="cart", properties=properties(n=prop(required=True))))  # fmt: skip
    verdict = Validator(plan).check_track("cart", b"{}")
    assert [v.code for v in verdict.violations] == ["missing_required"]
