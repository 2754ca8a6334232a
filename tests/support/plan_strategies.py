"""Whole plans for hypothesis: every feature of the language, valid as `trackway plan validate` sees it."""

from __future__ import annotations

import zlib
from typing import Any

import msgspec
from hypothesis import strategies as st

from trackway_plan.model import (
    PII_CLASSES,
    SCALARS,
    STATUSES,
    STORES,
    Choice,
    EventSpec,
    Former,
    Group,
    Plan,
    PropertySpec,
    Rule,
    Source,
    Waiver,
)
from trackway_plan.storage import storage_paths

WORDS = [
    "sku",
    "Order Total",
    "class",
    "yes",
    "2026",
    "1.5",
    "a.b",
    "数据",
    "😀",
    "it's #1: &x",
    'q"b\\s',
    "null",
    "$ref",
]
TEXTS = ["", "One line.", "Two\nlines", "10 %: yes, #1", "数据", "a - b (c); d's", "true", "~", "@x", " padded "]
PATTERNS = ["^[A-Z]{3}$", r"\d+(\.\d+)?", "a|b|ab", ".*", "[^a]*"]
FORMATS = ["email", "uuid", "url", "hostname", "ipv4", "ipv6"]
COLUMNS = {"string": "LowCardinality(String)", "int": "UInt32", "number": "Float32", "date": "Date32"}
SIZES = st.integers(0, 9)


def _some(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.none(), values)


def _ordered(low: Any, high: Any) -> tuple[Any, Any]:
    return (high, low) if low is not None and high is not None and float(low) > float(high) else (low, high)


@st.composite
def scalar_specs(draw: st.DrawFn, kinds: tuple[str, ...] = SCALARS) -> PropertySpec:
    """A scalar with any of the constraints its kind takes."""
    kind = draw(st.sampled_from(kinds))
    limits: dict[str, Any] = {}
    if kind in ("string", "text"):
        shortest, longest = draw(_some(SIZES)), draw(_some(st.integers(9, 99)))
        limits = {"min_length": shortest, "max_length": longest, "low_cardinality": draw(st.booleans())}
        limits["normalise"] = draw(st.sampled_from(["", "", "email", "country"]))
        limits |= {"pattern": draw(_some(st.sampled_from(PATTERNS))), "format": draw(_some(st.sampled_from(FORMATS)))}
    elif kind in ("int", "number"):
        bounds: st.SearchStrategy[Any] = (
            st.integers(-3, 2**60) if kind == "int" else st.sampled_from([-3, 0, 0.1, 2.5, 7, 1e22, 1e-7])
        )
        low, high = _ordered(draw(_some(bounds)), draw(_some(bounds)))
        limits = {"min": low, "max": high}
        if kind == "int":
            limits["multiple_of"] = draw(_some(st.integers(1, 9)))
    elif kind == "decimal":
        low, high = _ordered(draw(_some(st.sampled_from(["0", "-1.50"]))), draw(_some(st.sampled_from(["12.5", "9"]))))
        limits = {"min": low, "max": high}
    elif kind == "choice":
        values = draw(st.lists(st.sampled_from(WORDS), min_size=1, max_size=4, unique=True))
        choices = tuple(
            Choice(
                value=value,
                summary=draw(st.sampled_from(TEXTS)),
                formerly=draw(st.sampled_from([(), (f"old {value}",)])),
            )
            for value in values
        )
        limits = {"choices": choices, "may_grow": draw(st.booleans()), "low_cardinality": draw(st.booleans())}
    return PropertySpec(kind=kind, **limits)


@st.composite
def specs(draw: st.DrawFn, depth: int = 2) -> PropertySpec:
    """Any property the language can state, without a name."""
    way = draw(st.sampled_from(["scalar"] * 5 + ["union", "any"] + ["list", "object"] * (depth > 0)))
    spec = PropertySpec(kind="any")
    if way == "scalar":
        spec = draw(scalar_specs())
    elif way == "union":
        # One kind each from groups that share no key, so that `min:` can be said of one part alone.
        kinds_apart = [("string", "text"), ("int", "number", "decimal"), ("bool",), ("date", "timestamp")]
        groups = st.permutations(kinds_apart)
        kinds = draw(groups)[: draw(st.integers(2, 4))]
        spec = PropertySpec(kind="union", any_of=tuple(draw(scalar_specs(each)) for each in kinds))
    elif way == "list":
        of = draw(_some(specs(depth - 1).filter(lambda spec: spec.kind != "any")))
        shortest, longest = draw(_some(SIZES)), draw(_some(st.integers(9, 99)))
        spec = PropertySpec(kind="list", of=of, min_items=shortest, max_items=longest)
    elif way == "object":
        properties = draw(_some(property_maps(depth - 1)))
        is_open = bool(properties) and draw(st.booleans())
        spec = PropertySpec(kind="object", properties=properties, open=is_open)
    return msgspec.structs.replace(
        spec,
        nullable=spec.kind != "any" and draw(st.booleans()),
        summary=draw(st.sampled_from(TEXTS)),
        pii=draw(_some(st.sampled_from(PII_CLASSES))),
        unit=draw(st.sampled_from(["", "ms", "m/s²"])),
    )


@st.composite
def property_maps(draw: st.DrawFn, depth: int = 2) -> dict[str, PropertySpec]:
    """Properties whose names say how they are stored, so that one name never has two storage types."""
    found: dict[str, PropertySpec] = {}
    for word in draw(st.lists(st.sampled_from(WORDS), max_size=4, unique=True)):
        spec = draw(specs(depth))
        column = COLUMNS.get(spec.kind, "") if draw(st.booleans()) else ""
        # A hash is of one value: the plan language has none of a whole object.
        whole = spec.properties is not None or (spec.of is not None and spec.of.kind == "object")
        stores = [store for store in STORES if store != "hash" or not whole]
        more = {"required": draw(st.booleans()), "store": draw(st.sampled_from(stores)), "column": column}
        spec = msgspec.structs.replace(spec, **more)
        name = f"{word} {signature(spec)}"
        store_as = f"{name} stored" if draw(st.booleans()) else ""
        found[name] = msgspec.structs.replace(spec, name=name, store_as=store_as)
    return found


def signature(spec: PropertySpec) -> str:
    """A few letters that differ where storage differs."""
    from trackway_plan.storage import storage_type

    paths = [
        (path, storage_type(each)) for path, each in storage_paths({"v": msgspec.structs.replace(spec, store_as="")})
    ]
    return f"x{zlib.crc32(repr(paths).encode()):08x}"


@st.composite
def events(draw: st.DrawFn, name: str, groups: dict[str, Group], sources: list[str]) -> EventSpec:
    """An event with all that may stand in its file."""
    properties = draw(property_maps())
    names = list(properties)
    # Rules look at what is stored as it is, and require what is not dropped.
    choices = [key for key, spec in properties.items() if spec.kind == "choice" and spec.store == "plain"]
    kept = [key for key, spec in properties.items() if spec.store != "drop"]
    rules: tuple[Rule, ...] = ()
    if draw(st.booleans()) and choices:
        values = tuple(choice.value for choice in properties[choices[0]].choices[: draw(st.integers(1, 2))])
        rules = (Rule(when={choices[0]: values}, then_required=(draw(st.sampled_from(kept)),)),)
    status = draw(st.sampled_from(STATUSES))
    ended = status in ("deprecated", "retired")
    former = [Former(event=f"{name} once", through=draw(_some(st.integers(1, 9))))]
    former += [Former(property="gone", now=names[0])] if names else []
    return EventSpec(
        name=name,
        area=draw(st.sampled_from(["shop", "on boarding", "数据"])).replace(" ", "_"),
        summary=draw(st.sampled_from(TEXTS)),
        status=status,
        owner=draw(st.sampled_from(["", "shop-team"])),
        when=draw(st.sampled_from(TEXTS)),
        sent_by=_subset(draw, sources),
        once_per=tuple(names[: draw(st.integers(0, 1))]),
        include=_subset(draw, list(groups)),
        open=draw(st.booleans()),
        properties=properties,
        rules=rules,
        replaced_by=name if ended and draw(st.booleans()) else "",
        remove_after="2027-01-31" if ended and draw(st.booleans()) else "",
        formerly=tuple(draw(st.lists(st.sampled_from(former), unique_by=id))),
        on_violation=draw(st.sampled_from([{}, {"wrong_type": "flag"}])),
        waive=draw(st.sampled_from([(), (Waiver(rule="name-tense", reason="the ERP's word", until="2027-12-31"),)])),
    )


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """A whole plan with named types, groups, traits, sources and events."""
    types = {}
    for name in draw(st.lists(st.sampled_from(["money_amount", "Zeile 1"]), unique=True)):
        types[name] = msgspec.structs.replace(draw(specs(1)), named_type=name)
    sources = {
        name: Source(
            name=name, kind=draw(st.sampled_from(["", "client", "server"])), summary=draw(st.sampled_from(TEXTS))
        )
        for name in draw(st.lists(st.sampled_from(["web", "api"]), unique=True))
    }
    groups: dict[str, Group] = {}
    for name in draw(st.lists(st.sampled_from(["money", "page"]), unique=True)):
        properties = {f"{name} {key}": _renamed(spec, f"{name} {key}") for key, spec in draw(property_maps(1)).items()}
        groups[name] = Group(name=name, summary=draw(st.sampled_from(TEXTS)), properties=properties)
    found = {}
    names = st.sampled_from(["tea_bought", "Order Completed", "茶 😀", "yes", "a/b"])
    for name in draw(st.lists(names, min_size=1, unique=True)):
        event = draw(events(name, groups, list(sources)))
        for type_name, spec in types.items():
            key = f"{type_name} {signature(spec)}"
            event.properties[key] = msgspec.structs.replace(spec, name=key, required=draw(st.booleans()))
        found[name] = event
    traits = {
        kind: draw(property_maps(1)) for kind in draw(st.lists(st.sampled_from(["user", "account"]), unique=True))
    }
    return Plan(
        name=draw(st.sampled_from(["tea", "Tea & Co: #1"])),
        summary=draw(st.sampled_from(TEXTS)),
        sources=sources,
        everywhere=tuple(list(groups)[:1]) if draw(st.booleans()) else (),
        on_violation=draw(st.sampled_from([{}, {"unplanned_event": "quarantine"}])),
        types=types,
        groups=groups,
        traits={kind: traits[kind] for kind in ("user", "account") if kind in traits},
        events=found,
    )


def _subset(draw: st.DrawFn, names: list[str]) -> tuple[str, ...]:
    return tuple(draw(st.lists(st.sampled_from(names), unique=True))) if names else ()


def _renamed(spec: PropertySpec, name: str) -> PropertySpec:
    return msgspec.structs.replace(spec, name=name, store_as=f"{name} stored" if spec.store_as else "")
