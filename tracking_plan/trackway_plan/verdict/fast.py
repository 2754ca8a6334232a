"""
The plan as msgspec types: the fast yes.

A struct is built for each event, and a check for what msgspec cannot state (formats, decimals, patterns,
unions of texts, rules). Whatever decodes and passes the check is accepted by jsonschema too; what does not is
left to jsonschema, so this module may refuse more than it must (`1.0` for an int) but never accept more.

Struct fields are the property names where those are plain identifiers; others (any script, spaces, keywords)
get a field `p0`, `p1`, … and are renamed on the wire.

A property with `store: hash` may come as it is or as its hash, one with `store: drop` as anything. The `redacted` types
and checks take an event only as it may be stored: hashed, and without what is dropped.
"""

import functools
import keyword
import math
import operator
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from ..model import TEXTS, PropertySpec, Rule
from ..redact import HASHED_PATTERN, is_hashed, member_rules, stored
from .formats import text_check
from .schema import FLOAT_END, INT_MAX, INT_MIN

Test = Callable[[Any], bool]

_IDENTIFIER_STARTS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")


def struct_type(
    name: str, properties: Mapping[str, PropertySpec], *, is_open: bool = False, redacted: bool = False
) -> type[Struct] | None:
    """
    The msgspec struct for an object of these properties, or None if a name cannot be written in one.

    One that `is_open` is not for decoding JSON: msgspec skips unknown keys without looking at their numbers and
    UTF-8. See `open_test`.
    """
    fields: list[Any] = []
    rename: dict[str, str] = {}
    for field, (wire, spec) in zip(field_names(properties), properties.items(), strict=True):
        dropped = stored(spec) == "drop"
        if dropped and redacted:
            continue
        hint = value_type(spec, name=f"{name}_{field}", redacted=redacted)
        if hint is None or not _writable(wire):
            return None
        fields.append((field, hint) if spec.required and not dropped else (field, hint | UnsetType, UNSET))
        rename[field] = wire
    return msgspec.defstruct(
        "Properties" if not name.isidentifier() else name,
        fields,
        kw_only=True,
        forbid_unknown_fields=not is_open,
        gc=False,  # decoded JSON has no cycles
        rename=rename,
    )


def object_type(name: str, properties: Mapping[str, PropertySpec], *, is_open: bool, redacted: bool = False) -> Any:
    """What JSON is decoded to: the struct, or of an open object a dict, whose other keys are checked as JSON too."""
    if is_open and redacted and member_rules(properties):
        return None  # among the keys of a dict no type finds the ones that must not be there
    struct = struct_type(name, properties, redacted=redacted)
    return dict[str, Any] if is_open and struct is not None else struct


def field_names(properties: Iterable[str]) -> list[str]:
    """The struct field of each property, in the same order."""
    names = list(properties)
    taken = set(names)
    fields = []
    for index, name in enumerate(names):
        if name.isascii() and name.isidentifier() and name[0] in _IDENTIFIER_STARTS and not keyword.iskeyword(name):
            fields.append(name)
        else:
            field = f"p{index}"
            while field in taken:
                field += "_"
            taken.add(field)
            fields.append(field)
    return fields


def _writable(name: str) -> bool:
    """Whether msgspec takes this as a field's name on the wire: it compares names without unescaping them."""
    return not any(char in '"\\' or char < " " for char in name)


def value_type(spec: PropertySpec, name: str = "Value", *, redacted: bool = False) -> Any:
    """The msgspec type of one value, or None for an object with a name msgspec cannot hold."""
    how = stored(spec)
    if how == "drop":
        return Any
    if how == "hash":
        hint = _HASH if redacted else _or_text(_plain_type(spec, name, redacted=False))
    else:
        hint = _plain_type(spec, name, redacted=redacted)
    return hint | None if spec.nullable and hint is not None and hint is not Any else hint


_HASH = Annotated[str, Meta(pattern=rf"^{HASHED_PATTERN}\Z")]


def _or_text(hint: Any) -> Any:
    """The type or any text: whether a text is the value or its hash is left to `value_test`."""
    if hint is None or hint is Any:
        return hint
    return hint if hint is str else hint | str


def _plain_type(spec: PropertySpec, name: str, *, redacted: bool) -> Any:
    hint: Any
    if spec.kind == "list" and redacted and spec.of is not None and stored(spec.of) == "drop":
        hint = Annotated[list[Any], Meta(max_length=0)]
    elif spec.kind == "list":
        item: Any = Any if spec.of is None else value_type(spec.of, name, redacted=redacted)
        hint = (
            None if item is None else Annotated[list[item], _meta(min_length=spec.min_items, max_length=spec.max_items)]
        )
    elif spec.kind == "object":
        hint = (
            dict[str, Any]
            if spec.properties is None
            else object_type(name, spec.properties, is_open=spec.open, redacted=redacted)
        )
    elif spec.kind == "union":
        hint = functools.reduce(operator.or_, (_JSON_TYPES.get(part.kind, str) for part in spec.any_of))
    elif spec.kind in TEXTS and stored(spec) == "hash":
        hint = str  # of its limits msgspec cannot say "or a hash"; `value_test` does
    else:
        hint = _scalar_type(spec)
    return hint


_JSON_TYPES: dict[str, Any] = {"int": int, "number": int | float, "bool": bool}


def _scalar_type(spec: PropertySpec) -> Any:
    if spec.kind == "int":
        low, high = _int_bounds(spec)
        return Annotated[int, _meta(ge=low, le=high, multiple_of=spec.multiple_of)]
    if spec.kind == "number":
        return _number_type(spec)
    if spec.kind == "choice":
        return Literal[spec.values]
    if spec.kind in TEXTS:
        return Annotated[str, _meta(min_length=spec.min_length, max_length=spec.max_length)]
    return {"bool": bool, "any": Any}[spec.kind]


def _meta(**limits: Any) -> Meta:
    return Meta(**{name: limit for name, limit in limits.items() if limit is not None})


def _int_bounds(spec: PropertySpec) -> tuple[int, int]:
    """The bounds of an int, or of a number written as an integer, inside 64 bits; (1, 0) if none fits."""
    low = INT_MIN if spec.min is None else max(math.ceil(_number(spec.min)), INT_MIN)
    high = INT_MAX if spec.max is None else min(math.floor(_number(spec.max)), INT_MAX)
    return (low, high) if low <= high else (1, 0)


def _number_type(spec: PropertySpec) -> Any:
    # An integer beyond 2**53 loses digits as a float, which could carry it over a bound: compare it whole.
    low, high = _int_bounds(spec)
    as_float = Annotated[float, _meta(ge=_float_bound(spec.min, math.inf), le=_float_bound(spec.max, -math.inf))]
    return Annotated[int, _meta(ge=low, le=high)] | as_float


def _float_bound(bound: Any, inward: float) -> float | None:
    """The bound as a float; where it has none of its own, the next one towards `inward`."""
    if bound is None:
        return None
    nearest = float(_number(bound))
    outside = nearest < bound if inward > 0 else nearest > bound
    return math.nextafter(nearest, inward) if outside else nearest


def _number(bound: Any) -> int | float:
    assert isinstance(bound, int | float)  # noqa: S101 - the loader lets only decimals have text here
    return bound


def object_test(
    properties: Mapping[str, PropertySpec], rules: tuple[Rule, ...] = (), *, redacted: bool = False
) -> Test | None:
    """What a decoded struct must still pass, or None if msgspec has said it all."""
    fields = dict(zip(properties, field_names(properties), strict=True))
    tests = [
        (fields[name], test)
        for name, spec in properties.items()
        if (test := value_test(spec, redacted=redacted)) is not None
    ]
    conditions = [
        (
            [(fields[name], values) for name, values in rule.when.items()],
            [fields[name] for name in rule.then_required],
        )
        for rule in rules
    ]
    if not tests and not conditions:
        return None

    def parts_pass(value: Any) -> bool:
        for field, test in tests:
            part = getattr(value, field)
            if part is not UNSET and not test(part):
                return False
        return True

    def passes(value: Any) -> bool:
        return parts_pass(value) and all(
            any(not _among(getattr(value, field), values) for field, values in when)
            or all(getattr(value, field) is not UNSET for field in then_required)
            for when, then_required in conditions
        )

    return passes if conditions else parts_pass


def open_test(properties: Mapping[str, PropertySpec], rules: tuple[Rule, ...] = ()) -> Test | None:
    """What the dict of a decoded open object must pass, or None if a name cannot be written in a struct."""
    struct = struct_type("Open", properties, is_open=True)
    extra = object_test(properties, rules)
    if struct is None:
        return None

    def passes(value: Any) -> bool:
        try:
            typed = msgspec.convert(value, struct)
        except (msgspec.ValidationError, OverflowError, RecursionError):
            return False
        return extra is None or extra(typed)

    return passes


def _among(value: Any, values: Iterable[Any]) -> bool:
    """Equality as JSON has it: `true` is not 1, but 1.0 is."""
    return any(value == each and isinstance(value, bool) == isinstance(each, bool) for each in values)


def value_test(spec: PropertySpec, *, redacted: bool = False) -> Test | None:
    """What a decoded value must still pass, or None if msgspec has said it all."""
    how = stored(spec)
    if how == "drop" or (how == "hash" and redacted):
        return None
    test: Test | None = None
    if how == "hash":
        test = _hash_or(spec)
    elif spec.kind == "union":
        parts = [_whole_test(part) for part in spec.any_of]
        test = lambda value: any(part(value) for part in parts)  # noqa: E731
    elif spec.kind == "object" and spec.properties is not None:
        test = open_test(spec.properties) if spec.open else object_test(spec.properties, redacted=redacted)
    elif spec.kind == "list" and spec.of is not None and (each := value_test(spec.of, redacted=redacted)) is not None:
        item = each
        test = lambda value: all(map(item, value))  # noqa: E731
    elif spec.kind in TEXTS:
        test = text_check(spec)
    if test is None or not spec.nullable:
        return test
    inner = test
    return lambda value: value is None or inner(value)


def _hash_or(spec: PropertySpec) -> Test | None:
    """The test of a value that may have been hashed already."""
    if spec.kind == "any":
        return None
    if spec.kind in TEXTS:
        whole = _whole_test(spec)
        return lambda value: is_hashed(value) or whole(value)
    plain = msgspec.structs.replace(spec, store="plain", nullable=False, any_of=tuple(map(_unhashed, spec.any_of)))
    inner = value_test(plain)
    texts = spec.kind == "union"  # of which a part may be a text
    return lambda value: is_hashed(value) or ((texts or type(value) is not str) and (inner is None or inner(value)))


def _unhashed(spec: PropertySpec) -> PropertySpec:
    return msgspec.structs.replace(spec, store="plain")


def value_accepts(spec: PropertySpec, value: object) -> bool:
    """Whether a scalar or union takes this value, null included."""
    if value is None:
        return spec.nullable
    return any(_whole_test(part)(value) for part in spec.any_of or (spec,))


def _whole_test(spec: PropertySpec) -> Test:
    """All that a scalar must be, its JSON type too: for unions, whose parts msgspec cannot tell apart."""
    if spec.kind in TEXTS:
        check = text_check(spec)
        choices = frozenset(spec.values)
        shortest, longest = spec.min_length or 0, math.inf if spec.max_length is None else spec.max_length
        return lambda value: (
            type(value) is str
            and shortest <= len(value) <= longest
            and (not choices or value in choices)
            and (check is None or check(value))
        )
    if spec.kind == "bool":
        return lambda value: type(value) is bool
    low, high = (INT_MIN, INT_MAX) if spec.kind == "int" else (1 - FLOAT_END, FLOAT_END - 1)
    lower = low if spec.min is None else _number(spec.min)
    upper = high if spec.max is None else _number(spec.max)
    types = (int,) if spec.kind == "int" else (int, float)
    divisor = spec.multiple_of
    return lambda value: (
        type(value) in types
        and low <= value <= high
        and lower <= value <= upper
        and (divisor is None or value % divisor == 0)
    )
