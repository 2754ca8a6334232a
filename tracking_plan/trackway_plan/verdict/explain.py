"""
The failures of a value, as violations that people read: which property, what was expected, what came instead.

A message shows a value only where the plan classes the property `pii: none` and stores it plainly; otherwise only its
type. Keys that a client put into what is not stored plainly are not shown either.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import msgspec

from ..model import PropertySpec, Rule, ViolationCode
from ..near import did_you_mean, listed
from ..redact import stored
from . import formats
from .failures import Failure, Path
from .schema import FLOAT_END, INT_MAX, INT_MIN

Finding = tuple[ViolationCode, Path, str]
"""A code, the path into the properties, and one sentence."""
Complaint = tuple[ViolationCode, Path, Callable[[], str]]
"""A finding whose sentence is written only if it is told."""

MOST_OF_A_CODE = 20

# Looked up once: Python 3.11 takes its time to find a member of an enum.
_WRONG_TYPE = ViolationCode.WRONG_TYPE
_OUT_OF_RANGE = ViolationCode.OUT_OF_RANGE
_MISSING_REQUIRED = ViolationCode.MISSING_REQUIRED

_OF_SEVERAL = ("required", "additionalProperties")
"""Keywords of which one failure may be several complaints."""

_json = json.JSONEncoder(ensure_ascii=False).encode

_LIMIT_CODES = {
    "enum": ViolationCode.VALUE_NOT_ALLOWED,
    "pattern": ViolationCode.PATTERN,
    "format": ViolationCode.PATTERN,
    "maxLength": ViolationCode.TOO_LONG,
    "maxItems": ViolationCode.TOO_LONG,
}
_KIND_NAMES = {
    "string": "text",
    "text": "text",
    "int": "an integer",
    "number": "a number",
    "bool": "true or false",
    "choice": "text",
    "list": "a list",
    "object": "an object",
    "any": "any value",
} | {kind: phrase for kind, (_, phrase) in formats.KIND_FORMATS.items()}


def findings(
    root: PropertySpec,
    failures: Iterable[Failure],
    rules: Sequence[Rule] = (),
    untold: list[tuple[ViolationCode, Path]] | None = None,
) -> list[Finding]:
    """
    The findings behind the failures of a value of `root`, one of a code in one place.

    Of each code the first 20 are told one by one, and how many more there were: an event of 10,000 unplanned
    properties must not take seconds to explain. Where the rest are is added to `untold`.
    """
    failures = list(failures)
    if len(failures) == 1 and failures[0].keyword not in _OF_SEVERAL:  # as most often
        (only,) = _of_failure(root, failures[0], rules)
        return [(only[0], only[1], only[2]())]
    found: dict[tuple[ViolationCode, Path], Complaint] = {}
    more: dict[ViolationCode, int] = {}
    told: dict[ViolationCode, int] = {}
    seen: set[tuple[ViolationCode, Path]] = set()
    missing_at: set[tuple[Path, int | None]] = set()
    for failure in failures:
        if failure.keyword == "required":
            # There is one for each name that is missing, and each is about all of them.
            if (failure.path, failure.rule) in missing_at:
                continue
            missing_at.add((failure.path, failure.rule))
        for complaint in _of_failure(root, failure, rules):
            code, path, _ = complaint
            if (code, path) in seen:
                continue
            seen.add((code, path))
            number = told.get(code, 0)
            if number == MOST_OF_A_CODE:
                more[code] = more.get(code, 0) + 1
                if untold is not None:
                    untold.append((code, path))
                continue
            told[code] = number + 1
            found[code, path] = complaint
    wrong = {path for code, path in found if code is _WRONG_TYPE}
    # A value of the wrong type is out of range, not allowed and so on as well: one reason is enough.
    kept = [c for c in found.values() if c[0] is _WRONG_TYPE or c[1] not in wrong]
    rest = [(code, (), f"There are {number:,} more violations of this kind.") for code, number in more.items()]
    return [(code, path, message()) for code, path, message in kept] + rest


def _of_failure(root: PropertySpec, failure: Failure, rules: Sequence[Rule]) -> Iterable[Complaint]:
    path, keyword = failure.path, failure.keyword
    if keyword == "required" and failure.rule is not None:
        return _rule(rules[failure.rule], failure)
    if keyword == "required":
        return _missing(path, failure)
    if keyword == "additionalProperties":
        return _unplanned(root, path, failure)
    if keyword == "anyOf":
        return (_union(path, _spec_at(root, path), failure),)
    return (_value(path, _spec_at(root, path), keyword, failure.limit, failure.instance),)


def _rule(rule: Rule, failure: Failure) -> Iterator[Complaint]:
    def message(name: str) -> str:
        when = " and ".join(f"`{each}` is {_alternatives(values)}" for each, values in rule.when.items())
        return f"`{name}` is required when {when}."

    for name in rule.then_required:
        if name not in failure.instance:
            yield ViolationCode.RULE_FAILED, (name,), partial(message, name)


def _missing(path: Path, failure: Failure) -> Iterator[Complaint]:
    def message(where: Path) -> str:
        return f"`{shown_path(where)}` is required and missing."

    for name in failure.limit:
        if name not in failure.instance:
            where = (*path, name)
            yield _MISSING_REQUIRED, where, partial(message, where)


def _unplanned(root: PropertySpec, path: Path, failure: Failure) -> Iterator[Complaint]:
    planned = failure.schema["properties"]
    if (kept_back := _not_plain(root, path)) is not None:
        # A key that the client chose may be what the plan forbids to store: only what holds it is named.
        told = f"`{shown_path(kept_back)}` holds a property that is not in the plan."
        yield ViolationCode.UNPLANNED_PROPERTY, kept_back, lambda: told
        return

    def message(name: str) -> str:
        absent = [each for each in planned if each not in failure.instance]
        return f"`{shown_path((*path, name))}` is not in the plan.{did_you_mean(name, absent)}"

    for name in failure.instance:
        if name not in planned:
            yield ViolationCode.UNPLANNED_PROPERTY, (*path, name), partial(message, name)


def _union(path: Path, spec: PropertySpec, failure: Failure) -> Complaint:
    """The complaint of the part that has the value's type, if one has; otherwise that no part has it."""
    by_part: dict[int, list[Failure]] = {}
    for index, each in failure.parts:
        by_part.setdefault(index, []).append(each)
    for index, against in by_part.items():
        if index < len(spec.any_of):
            part = _value_spec(spec.any_of[index], spec)
            complaints = [_value(path, part, each.keyword, each.limit, each.instance) for each in against]
            if all(code is not _WRONG_TYPE for code, _, _ in complaints):
                return complaints[0]
    return _WRONG_TYPE, path, partial(_expected, path, spec, failure.instance, kind_name(spec))


def _value_spec(part: PropertySpec, whole: PropertySpec) -> PropertySpec:
    pii, store = part.pii or whole.pii, _strictest(part, whole)
    return part if part.pii == pii and part.store == store else msgspec.structs.replace(part, pii=pii, store=store)


def _strictest(part: PropertySpec, whole: PropertySpec) -> str:
    return stored(part) if stored(whole) == "plain" else stored(whole)


def _may_show(spec: PropertySpec) -> bool:
    """Whether a message may show a value of this property: what may not be stored may not be told either."""
    return spec.pii == "none" and stored(spec) == "plain"


def _value(path: Path, spec: PropertySpec, keyword: str, limit: Any, value: Any) -> Complaint:
    if keyword == "type" or _misfits(spec, keyword, value):
        return (
            _WRONG_TYPE,
            path,
            lambda: _expected(path, spec, value, _type_name(spec, keyword, value)),
        )
    code = _LIMIT_CODES.get(keyword, _OUT_OF_RANGE)

    def message() -> str:
        return _expected(path, spec, value, _limit_name(spec, keyword, limit), _meant(spec, keyword, value))

    return code, path, message


def _misfits(spec: PropertySpec, keyword: str, value: Any) -> bool:
    """Whether a limit that failed is the type's own: what fails it does not fit the type's column."""
    if keyword == "format":
        return spec.kind in formats.KIND_FORMATS
    if not isinstance(value, int | float):
        return False
    low, high = (INT_MIN, INT_MAX) if spec.kind == "int" else (1 - FLOAT_END, FLOAT_END - 1)
    return not low <= value <= high


def _type_name(spec: PropertySpec, keyword: str, value: Any) -> str:
    name = kind_name(spec)
    if keyword == "type" or isinstance(value, str):
        return name
    return f"{name} of at most 64 bits"


def kind_name(spec: PropertySpec) -> str:
    """What a value of this kind is called in a sentence."""
    if spec.kind == "union":
        return " or ".join(dict.fromkeys(_KIND_NAMES[part.kind] for part in spec.any_of))
    return _KIND_NAMES[spec.kind]


def _limit_name(spec: PropertySpec, keyword: str, limit: Any) -> str:
    if keyword == "enum":
        return f"one of {listed(choice.value for choice in spec.choices)}"
    if keyword == "pattern":
        return f"text that matches {spec.pattern}"
    if keyword == "format" and spec.format is not None:
        return formats.FORMATS[spec.format][1]
    return {
        "minimum": f"at least {limit}",
        "maximum": f"at most {limit}",
        "decimalMinimum": f"at least {limit}",
        "decimalMaximum": f"at most {limit}",
        "multipleOf": f"a multiple of {limit}",
        "minLength": f"at least {_count(limit, 'character')} long",
        "maxLength": f"at most {_count(limit, 'character')} long",
        "minItems": f"a list of at least {_count(limit, 'item')}",
        "maxItems": f"a list of at most {_count(limit, 'item')}",
    }.get(keyword, f"{keyword} {limit}")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _meant(spec: PropertySpec, keyword: str, value: Any) -> str:
    if keyword != "enum" or not _may_show(spec) or not isinstance(value, str):
        return ""
    return did_you_mean(value, (choice.value for choice in spec.choices))


def _expected(path: Path, spec: PropertySpec, value: Any, expected: str, more: str = "") -> str:
    return f"`{shown_path(path)}` must be {expected}; got {rendered(value, show=_may_show(spec))}.{more}"


def rendered(value: Any, *, show: bool) -> str:
    """A value's type, and when `show` also the value, cut to 40 characters."""
    if value is None or isinstance(value, bool):
        return json.dumps(value) if show or value is None else "true or false"
    if isinstance(value, str):
        if not show:
            return "text"
        text = _json(value)
        return text if len(text) <= 42 else f"{text[:40]}… (text of {_count(len(value), 'character')})"
    if isinstance(value, int | float):
        name = "an integer" if isinstance(value, int) else "a number"
        if not show:
            return name
        text = _json(value) if not _huge(value) else "beyond 64 bits"
        return f"{name}: {text if len(text) <= 42 else text[:40] + '…'}"
    return f"a list of {_count(len(value), 'item')}" if isinstance(value, list) else "an object"


def _huge(value: Any) -> bool:
    return isinstance(value, int) and value.bit_length() > 256


def _alternatives(values: Sequence[Any]) -> str:
    return " or ".join(json.dumps(value, ensure_ascii=False) for value in values)


def shown_path(path: Path) -> str:
    """A path as people write it: `items[2].price`; long names are cut."""
    text = ""
    for part in path:
        text += (
            f"[{part}]"
            if isinstance(part, int)
            else ("." if text else "") + (part if len(part) <= 80 else f"{part[:79]}…")
        )
    return text or "properties"


def pointer(path: Path) -> str:
    """A path as a JSON pointer (RFC 6901): `/items/2/price`, and "" for the whole."""
    return "".join(["/" + str(part).replace("~", "~0").replace("/", "~1") for part in path])


def _not_plain(root: PropertySpec, path: Path) -> Path | None:
    """The outermost part of a path that is not stored as it is; None if there is none."""
    prefixes = (path[:length] for length in range(1, len(path) + 1))
    return next((prefix for prefix in prefixes if stored(_spec_at(root, prefix)) != "plain"), None)


def _spec_at(root: PropertySpec, path: Path) -> PropertySpec:
    """What the plan says about the value at a path; a part without a pii class has that of the whole."""
    spec = root
    for part in path:
        inside = spec.of if isinstance(part, int) else (spec.properties or {}).get(part)
        if inside is None:
            return PropertySpec(kind="any")
        spec = _value_spec(inside, spec)
    return spec
