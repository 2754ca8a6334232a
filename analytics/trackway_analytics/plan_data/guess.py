"""
From what a property was seen to hold to what a plan might say about it, with how sure that is.

A guess says no more than the data: no `min`, `max` or length, because the largest value so far is not a rule; no
`pii: none`, because not having recognised personal data proves nothing; choices only where the values are few, each
came often enough, and none of them can be anybody's data.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec

from trackway_analytics.plan_data.profile import Profile, PropertyProfile
from trackway_plan.model import SCALARS, Choice, PropertySpec
from trackway_plan.pii import Personal

HIGH, MEDIUM = 1_000, 100
"""From so many events on a guess is called high, medium; below it is low."""
MAX_CHOICES = 20
LEAST_OF_A_CHOICE = 5
"""A value that came less often is a typing error or somebody's data as likely as a choice."""
REQUIRED_FROM = 20
"""Always present says nothing of a handful of events."""
MAX_KEYS = 50
"""An object with more keys is taken for one whose keys are data."""
STRAY = 0.01
"""Types that come less often than this are told in the comment and left out of the guess."""
LONG_TEXT = 80

_FORMATS = ("uuid", "email", "url", "ipv4")
_VERSION = re.compile(r"version|release|build|(?:^|_)v(?:er)?(?:$|_)", re.IGNORECASE)
_NUMERIC = re.compile(r"[\d\s.,:/+-]*")
_PII = {Personal.EMAIL: "contact", Personal.PHONE: "contact", Personal.CARD: "financial"}
SAID = {Personal.EMAIL: "e-mail addresses", Personal.PHONE: "phone numbers", Personal.CARD: "card numbers"}


@dataclass
class Guess:
    """What a plan might say about a property, and the comments that go above it, path → lines."""

    spec: PropertySpec
    comments: dict[str, list[str]] = field(default_factory=dict)
    suspect: bool = False
    """Whether a detector recognised personal data in it, or in what is inside it."""

    def note(self, path: str, text: str) -> None:
        """Add a line above the property at `path`."""
        self.comments.setdefault(path, []).append(text)


def guess_properties(profile: Profile, at: str = "") -> dict[str, Guess]:
    """Name → guess, for what stands in the object at `at`; most frequent first."""
    found = sorted(_children(profile, at), key=lambda one: (-one.present, one.path))
    start = len(at) + 1 if at else 0
    return {one.path[start:]: guess(profile, one, one.path[start:]) for one in found if one.present}


def guess(profile: Profile, one: PropertyProfile, name: str) -> Guess:
    """The guess for one property, or for the items of a list."""
    made = _typed(profile, one)
    _presence(profile, one, made, name)
    _personal(one, made)
    if one.kinds["null"] and made.spec.kind != "any":
        made.spec = msgspec.structs.replace(made.spec, nullable=True)
        made.note(one.path, f"nullable: null {_of(one.kinds['null'], one.kinds['null'] + one.present)}")
    return made


def confidence(events: float) -> str:
    """high, medium or low, by the number of events behind a guess."""
    return "high" if events >= HIGH else "medium" if events >= MEDIUM else "low"


def _typed(profile: Profile, one: PropertyProfile) -> Guess:
    kinds = {kind: count for kind, count in one.kinds.items() if kind != "null"}
    if set(kinds) >= {"int", "number"}:
        kinds["number"] += kinds.pop("int")
    main = {kind: count for kind, count in kinds.items() if count >= STRAY * one.present}
    stray = {kind: count for kind, count in kinds.items() if kind not in main}
    if len(main) == 1:
        made = _MAKERS[next(iter(main))](profile, one)
    elif all(kind in SCALARS for kind in main):
        parts = tuple(PropertySpec(kind=kind) for kind in sorted(main, key=lambda kind: -main[kind]))
        made = Guess(PropertySpec(kind="union", any_of=parts))
        made.note(one.path, f"{_mix(main, one)}: is one of them a mistake?")
    else:
        made = Guess(PropertySpec(kind="any"))
        made.note(one.path, f"{_mix(main, one)}: too different for a type")
    for kind, count in stray.items():
        made.note(one.path, f"{_WORDS[kind]} {_of(count, one.present)} times, which this would call wrong_type")
    return made


def _mix(kinds: dict[str, float], one: PropertyProfile) -> str:
    shares = ", ".join(f"{_WORDS[kind]} {count / one.present:.0%}" for kind, count in kinds.items())
    return f"type, {confidence(one.present)}: {shares} of {one.present:,.0f}"


def _plain(profile: Profile, one: PropertyProfile) -> Guess:
    kind = "number" if one.kinds["number"] else "int" if one.kinds["int"] else "bool"
    made = Guess(PropertySpec(kind=kind))
    words = {"number": "numbers, some with a fraction", "int": "whole numbers", "bool": "true and false"}
    if kind == "bool" and one.distinct == 1:
        words["bool"] = f"only ever {str(next(iter(one.by_value))[1]).lower()}"
    made.note(one.path, f"type, {confidence(one.present)}: {words[kind]} in {one.present:,.0f}")
    return made


def _text(profile: Profile, one: PropertyProfile) -> Guess:
    total, said = one.kinds["string"], f"in all {one.kinds['string']:,.0f}"
    sure = confidence(total)
    looks = {name for name, count in one.formats.items() if count >= total}
    for kind in ("timestamp", "date"):
        if kind in looks:
            return _noted(PropertySpec(kind=kind), one, f"type, {sure}: {kind}s {said}")
    if "decimal" in looks and _is_money(one):
        return _noted(PropertySpec(kind="decimal"), one, f"type, {sure}: decimals with as many digits {said}")
    choices = _choices(one)
    if choices:
        rarest = min(held.count for (kind, _), held in one.by_value.items() if kind == "string")
        values = tuple(Choice(value=value) for value in choices)
        few = f"{len(choices)} values" if len(choices) > 1 else "1 value"
        spec = PropertySpec(kind="choice", choices=values)
        return _noted(spec, one, f"choice, {sure}: {few} {said}, the rarest {rarest:,.0f} times")
    for name in _FORMATS:
        if name in looks:
            return _noted(PropertySpec(kind="string", format=name), one, f"format, {sure}: {said}")
    mean = sum(length * count for length, count in one.lengths()) / total
    if mean > LONG_TEXT or any("\n" in text for text, _ in one.texts()):
        return _noted(PropertySpec(kind="text"), one, f"type, {sure}: texts of {mean:.0f} characters on average")
    return _noted(PropertySpec(kind="string"), one, f"type, {sure}: {_values(one.distinct)} {said}")


def _is_money(one: PropertyProfile) -> bool:
    """Whether decimals are amounts, not versions: all with the same number of digits, and many different ones."""
    digits = {len(text.rpartition(".")[2]) for text, _ in one.texts()}
    return len(digits) == 1 and digits != {1} and one.distinct > MAX_CHOICES and not _VERSION.search(one.path)


def _choices(one: PropertyProfile) -> list[str] | None:
    total = one.kinds["string"]
    if total < MEDIUM or not 1 <= one.distinct <= MAX_CHOICES or one.distinct * 10 > total:
        return None
    if any(held.count < LEAST_OF_A_CHOICE for (kind, _), held in one.by_value.items() if kind == "string"):
        return None
    choices = None if one.personal else one.safe_values()
    # Months, hours and numbers written as text are few only for now.
    return None if choices is None or all(map(_NUMERIC.fullmatch, choices)) else choices


def _object(profile: Profile, one: PropertyProfile) -> Guess:
    keys = sum(1 for _ in _children(profile, one.path))
    if keys > MAX_KEYS or not keys:
        why = f"{keys} different keys, which may be data" if keys else "always empty"
        return _noted(PropertySpec(kind="object"), one, f"type, {confidence(one.present)}: objects with {why}")
    inside = guess_properties(profile, one.path)
    specs = {name: msgspec.structs.replace(made.spec, name=name) for name, made in inside.items()}
    made = Guess(PropertySpec(kind="object", properties=specs), suspect=any(each.suspect for each in inside.values()))
    made.note(one.path, f"type, {confidence(one.present)}: objects in {one.present:,.0f}")
    for each in inside.values():
        made.comments |= each.comments
    return made


def _list(profile: Profile, one: PropertyProfile) -> Guess:
    items = profile.properties.get(f"{one.path}[]")
    lengths = f"{min(one.items)} to {max(one.items)} items"
    if items is None or not items.present:
        return _noted(PropertySpec(kind="list"), one, f"type, {confidence(one.present)}: lists of {lengths}")
    inside = guess(profile, items, "")
    of = msgspec.structs.replace(inside.spec, required=False)
    made = Guess(PropertySpec(kind="list", of=of), suspect=inside.suspect)
    made.note(one.path, f"type, {confidence(one.present)}: lists of {lengths} in {one.present:,.0f}")
    made.comments |= inside.comments
    return made


def _presence(profile: Profile, one: PropertyProfile, made: Guess, name: str) -> None:
    if one.path.endswith("[]"):
        return
    possible = profile.possible(one)
    if one.present < possible:
        made.note(one.path, f"not required: absent from {_of(possible - one.present, possible)}")
    elif possible < REQUIRED_FROM:
        made.note(one.path, f"required?: in all {possible:,.0f}, too few to tell")
    else:
        made.spec = msgspec.structs.replace(made.spec, required=True)
        made.note(one.path, f"required, {confidence(possible)}: in all {possible:,.0f}")


def _personal(one: PropertyProfile, made: Guess) -> None:
    counts: dict[Personal, float] = {}
    for (kind, source), count in one.personal.items():
        counts[kind] = counts.get(kind, 0) + count
        made.note(one.path, f"suspect: {SAID[kind]} in {_of(count, one.sources[source])} from {source or 'no source'}")
        made.suspect = True
    most = max(counts, key=lambda kind: counts[kind], default=None)
    if most is not None and counts[most] > one.present / 2:
        made.spec = msgspec.structs.replace(made.spec, pii=_PII[most])
    elif made.spec.kind == "text":
        made.note(one.path, "suspect: free text may hold anything; say `pii: free_text`, and think about `store`")


def _children(profile: Profile, at: str) -> Iterator[PropertyProfile]:
    return (one for one in profile.properties.values() if one.parent == at and not one.path.endswith("[]"))


def _noted(spec: PropertySpec, one: PropertyProfile, text: str) -> Guess:
    made = Guess(spec)
    made.note(one.path, text)
    return made


def _of(part: float, whole: float) -> str:
    return f"{part:,.0f} of {whole:,.0f}"


def _values(count: int) -> str:
    return "1 value" if count == 1 else f"{count:,} different values"


_MAKERS = {"int": _plain, "number": _plain, "bool": _plain, "string": _text, "object": _object, "list": _list}
_WORDS = {
    "int": "whole numbers",
    "number": "numbers",
    "bool": "true or false",
    "string": "text",
    "object": "objects",
    "list": "lists",
}
