"""A plan with every name and shape that has broken a code generator."""

from __future__ import annotations

import msgspec

from trackway_plan import Choice, EventSpec, Plan, PropertySpec, Release, Rule, Source, compile_release


def spec(kind: str, **more: object) -> PropertySpec:
    """A property; `choices` as texts."""
    if "choices" in more:
        more["choices"] = tuple(Choice(value=str(value)) for value in more["choices"])  # type: ignore[attr-defined]
    return PropertySpec(kind=kind, **more)  # type: ignore[arg-type]


def named(**specs: PropertySpec) -> dict[str, PropertySpec]:
    """Properties by name."""
    return all_named(specs)


def all_named(specs: dict[str, PropertySpec]) -> dict[str, PropertySpec]:
    """Properties that know their names."""
    return {name: msgspec.structs.replace(each, name=name) for name, each in specs.items()}


def event(name: str, specs: dict[str, PropertySpec] | None = None, **more: object) -> EventSpec:
    """An event."""
    return EventSpec(name=name, properties=all_named(specs or {}), **more)  # type: ignore[arg-type]


LONG = "a_very_long_name_that_somebody_thought_would_explain_everything_there_is_to_know_about_this_one_thing"
INNER = spec(
    "object",
    summary='Says """quotes""" and \\ ends in "',
    named_type="price tag",
    properties=named(amount=spec("decimal", required=True), since=spec("date"), note=spec("text", nullable=True)),
)
ODD = spec(
    "object",
    properties=all_named(
        {
            "class": spec("string", required=True),
            "with space": INNER,
            "__private": spec("int"),
            "ünïcode ключ": spec("number"),
            'q"uote': spec("decimal"),
        }
    ),
)
EVERYTHING = {
    "union": spec("union", any_of=(spec("int"), spec("string"), spec("decimal"))),
    "dates": spec("union", any_of=(spec("date"), spec("timestamp")), nullable=True),
    "day": spec("date", required=True),
    "at": spec("timestamp", required=True, nullable=True),
    "price": spec("decimal", required=True),
    "prices": spec("list", of=spec("decimal")),
    "grid": spec("list", of=spec("list", of=spec("date", nullable=True))),
    "tag": INNER,
    "tags": spec("list", of=INNER, required=True, min_items=1),
    "odd": ODD,
    "anything": spec("any"),
    "free": spec("object"),
    "list_of_all": spec("list"),
    "open_object": spec("object", open=True, properties=named(x=spec("int", required=True))),
    "size": spec("choice", choices=["s", "m", "l"], nullable=True),
    "one": spec("choice", choices=["only"], required=True),
    "quoted": spec("choice", choices=['"', "'", "\\", "a | b", "😀", 'it\'s "both"']),
    "many": spec("choice", choices=[f"value number {number} of many" for number in range(12)], may_grow=True),
    "uid": spec("string", format="uuid"),
    "pattern": spec("string", pattern='^"[^\\\\*/]"$', summary='Ends a comment: */ and a docstring: """ \\'),
}
NAMES = [
    *("user_id", "tracker", "envelope", "class", "None", "list", "given", "context", "self", "type", "UNSET"),
    *(
        "Order ID",
        "orderId",
        "order-id",
        "order_id",
        "ORDER_ID",
        "2026",
        "1.5",
        "😀",
        "数据",
        "ﬁsh",
        "fish",
        "_x",
        "__y",
    ),
    *("a" * 200, "a" * 199, "²", "#", "$ref", "it's", 'q"b\\s', "名前 と 値", "हिन्दी", "other_properties"),
]
EVENTS = (
    event("bare"),
    event("Order Completed", EVERYTHING, summary='He said "hi"', owner="a\\b", once_per=("price",)),
    event("order_completed", {"x": spec("int")}),
    event("orderCompleted", {"x": spec("int", required=True)}),
    event("names", {name: spec("int", summary=f"About {name}.") for name in NAMES}),
    event("opened", {"known": spec("int", required=True)}, open=True),
    event("open and bare", open=True),
    event("old one", {"x": spec("int")}, status="deprecated", replaced_by="names", remove_after="2027-01-31"),
    event("gone", status="retired"),
    event("sketch", status="draft", summary="Not agreed yet."),
    event(LONG, {LONG: spec("choice", choices=[LONG, LONG * 2]), f"{LONG}_2": INNER, f"{LONG}_3": EVERYTHING["union"]}),
    event(
        "ruled",
        {"how": spec("choice", choices=["card", "wallet"], required=True), "brand": spec("string")},
        rules=(Rule(when={"how": ("wallet",)}, then_required=("brand",)),),
    ),
    *(
        event(name, {"x": spec("int")})
        for name in (
            *("class", "def", "print", "list", "str", "Literal", "Tracker", "given", "identify", "group", "deprecated"),
            *(
                "2026",
                "😀",
                "🎉",
                "数据",
                "x.y",
                "x-y",
                "x y",
                "date",
                "PLAN",
                "None",
                "_",
                "Events",
                "string",
                "track",
            ),
            *("décision prise", "購入 完了", "price tag", "*/ alert(1) /*", '"""', "\\", "${x}", "`x`", "__proto__"),
            *("Types", "Order Completed union", "it's", 'say "hi"', "constructor", "Promise", "import", "delete"),
        )
    ),
)
TRAITS = {
    "user": named(email=spec("string", pii="contact"), vip=spec("bool", required=True), born=spec("date")),
    "account": all_named({"user_id": spec("string"), "group_id": spec("int"), "seats": spec("int", nullable=True)}),
}


def nasty_plan() -> Plan:
    """The plan."""
    return Plan(
        name='na"sty',
        summary="Everything odd at once.",
        sources={"web": Source(name="web")},
        events={each.name: each for each in EVENTS},
        traits=TRAITS,
    )


def nasty_release() -> Release:
    """The plan as release 7."""
    return compile_release(nasty_plan(), 7)
