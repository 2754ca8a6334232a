"""
One name for one thing, whatever it was called when it was sent: `formerly`, resolved over all releases.

    release 3   checkout                                rows stored as `checkout`
    release 5   purchase, formerly checkout             rows stored as `purchase`, and `checkout` by old clients
    release 9   order_completed, formerly purchase      `Names` of 3, 5, 9: order_completed ◀ purchase ◀ checkout

What was sent is stored as it was sent, so a *logical* name (what the newest release calls it) stands for several
*sent* ones. A sent name that means one thing for ever resolves without looking at the revision. One that was used
again for something else resolves by the revision of the row: `cart` means `basket` up to revision 8, and the new
`cart` from 9 on.

Names of properties are paths, as the warehouse has them: `shipping.city`, with a dot inside a name as `%2E`. Only
properties of an event itself can be renamed, and what is inside an object moves with it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from .model import EventSpec, PropertySpec
from .release import Release


@dataclass(frozen=True, slots=True)
class Sent:
    """A name found in stored rows, and in which revisions it meant what it is listed under."""

    name: str
    after: int = 0
    """The last revision in which the name meant something else; 0 for none."""
    through: int | None = None
    """The last revision in which it meant this; None for ever."""

    @property
    def bounded(self) -> bool:
        """Whether the name alone does not say what is meant."""
        return self.after > 0 or self.through is not None


@dataclass(frozen=True, slots=True)
class Reading:
    """How one property of one event is read: under which paths, the present one first, and former choice values."""

    paths: tuple[Sent, ...]
    values: Mapping[str, str] = field(default_factory=dict)
    """Former value of a choice → what it is now."""


@dataclass(frozen=True, slots=True)
class _Era:
    """What one release says in one realm (events, properties of one event, values of one choice)."""

    rev: int
    live: Collection[str]
    formerly: tuple[tuple[str, str, int | None], ...] = ()
    """(old, new, through) each."""


class Names:
    """Every name of a plan's events, properties and choices, former ones included. Immutable."""

    def __init__(self, releases: Sequence[Release] = ()) -> None:
        ordered = [release for _, release in sorted({release.rev: release for release in releases}.items())]
        eras = [_Era(release.rev, release.events, _former_events(release)) for release in ordered]
        self._spans = _spans(eras)
        self._events = _by_logical(self._spans)
        self._live = frozenset(ordered[-1].events) if ordered else frozenset[str]()
        self._readings: dict[str, dict[str, Reading]] = {}
        self._property_spans: dict[str, dict[str, list[_Span]]] = {}
        history: dict[str, list[tuple[int, EventSpec]]] = {}
        for release in ordered:
            for name, event in release.events.items():
                history.setdefault(_now(eras, name, release.rev), []).append((release.rev, event))
        for logical, specs in history.items():
            self._learn(logical, specs)

    @classmethod
    def of(cls, release: Release, *others: Release) -> Names:
        """The names of a release, with what other releases of the same plan were called, in any order."""
        return cls((release, *others))

    def __bool__(self) -> bool:
        """Whether any name stands for another."""
        return any(len(sent) > 1 or sent[0].bounded for sent in self._events.values()) or bool(self._readings)

    def event(self, name: str) -> str:
        """What the event of this name is called now; a name that is in use means itself."""
        if name in self._live or name not in self._spans:
            return name
        return self._spans[name][-1].logical

    def events(self, logical: str) -> tuple[Sent, ...]:
        """The names under which rows of an event are stored, the present one first."""
        return self._events.get(logical) or (Sent(logical),)

    def former_events(self) -> dict[str, tuple[tuple[int | None, str], ...]]:
        """
        Sent name → (last revision, logical name) in rising order, for each name that does not simply mean itself.

        The last revision of the last pair is None.
        """
        return {
            name: tuple((span.through, span.logical) for span in spans)
            for name, spans in self._spans.items()
            if [span.logical for span in spans] != [name]
        }

    def property(self, logical_event: str, path: str) -> str:
        """What a property of an event is called now, by the path it has or had."""
        spans = self._property_spans.get(logical_event, {})
        head, dot, rest = path.partition(".")
        found = spans.get(head)
        return (found[-1].logical + dot + rest) if found else path

    def readings(self, path: str) -> dict[str, Reading]:
        """
        Logical event → how the property of this name, present or former, is read in it.

        Events are left out that store it under this very name, always did, and had no other choice values.
        """
        found = {}
        for event, readings in self._readings.items():
            reading = readings.get(self.property(event, path))
            if reading is not None:
                found[event] = reading
        return found

    def _learn(self, logical: str, history: list[tuple[int, EventSpec]]) -> None:
        """Find out what the properties of one event, and the values of its choices, were called."""
        eras = [
            _Era(rev, {_escaped(name) for name in event.properties}, _former_properties(event))
            for rev, event in history
        ]
        spans = _spans(eras)
        readings: dict[str, Reading] = {}
        values: dict[str, list[_Era]] = {}
        paths: dict[str, dict[Sent, None]] = {}
        for name, sent in _by_logical(spans).items():
            for each in sent:
                for inner, stored in _stored(history, name, each):
                    paths.setdefault(inner, {})[stored] = None
        for rev, event in history:
            for inner, spec in _choices(event.properties):
                head, dot, rest = inner.partition(".")
                values.setdefault(_now(eras, head, rev) + dot + rest, []).append(_choice_era(rev, spec))
        for path in {*paths, *values}:
            # A former value that came back as one of its own means what it means now.
            former = {
                value: found[-1].logical
                for value, found in _spans(values.get(path, ())).items()
                if found[-1].logical != value
            }
            reading = Reading(tuple(paths.get(path, {Sent(path): None})), former)
            if former or reading.paths != (Sent(path),):
                readings[path] = reading
        renamed = {name: found for name, found in spans.items() if [span.logical for span in found] != [name]}
        if readings:
            self._readings[logical] = readings
        if renamed:
            self._property_spans[logical] = renamed


def former_events(release: Release) -> dict[str, str]:
    """Former name → event, for the names that no event of the release has now; the latest user of a name counts."""
    entries = sorted(_former_events(release), key=lambda entry: entry[2] or 2**62)
    return {old: new for old, new, _ in entries if old not in release.events}


def former_properties(event: EventSpec) -> dict[str, str]:
    """Former name → property of this event, the newest former names first; names in use are left out."""
    entries = [former for former in event.formerly if former.property]
    entries.sort(key=lambda former: -(former.through or 2**62))
    return {
        former.property: new
        for former in entries
        if former.property not in event.properties and (new := _chained(event, former.now)) in event.properties
    }


def meant_at(release: Release, rev: int) -> Release:
    """
    The release with names that were used again (`through`) meaning what they meant in revision `rev`.

    Where none was used again since, the very same release.
    """
    from msgspec.structs import replace

    owners: dict[str, tuple[int, str]] = {}
    for old, name, through in _former_events(release):
        if through is not None and rev <= through and old in release.events:
            owners[old] = min((through, name), owners.get(old, (through, name)))
    events = {
        name: _event_meant_at(release.events[owners[name][1] if name in owners else name], rev)
        for name in release.events
    }
    return release if events == release.events else replace(release, events=events)


def _event_meant_at(event: EventSpec, rev: int) -> EventSpec:
    from msgspec.structs import replace

    owners: dict[str, tuple[int, str]] = {}
    for former in event.formerly:
        if former.property in event.properties and former.through is not None and rev <= former.through:
            found = former.through, _chained(event, former.now)
            owners[former.property] = min(found, owners.get(former.property, found))
    used = {new: old for old, (_, new) in owners.items() if new in event.properties}
    later = owners.keys() - used.keys()  # what these names mean now was not there yet
    if not owners:
        return event
    left = replace(
        event,
        properties={name: spec for name, spec in event.properties.items() if name not in later},
        rules=tuple(rule for rule in event.rules if later.isdisjoint((*rule.when, *rule.then_required))),
    )
    return as_it_was(left, used)


def names_in_use(properties: Collection[str], former: Mapping[str, str]) -> dict[str, str]:
    """
    Property → the former name it has among what an event carries; the present name counts where both are there.

    Args:
        former: what `former_properties` says of the event.
    """
    used: dict[str, str] = {}
    for old, new in former.items():
        if old in properties and new not in properties:
            used.setdefault(new, old)
    return used


def as_it_was(event: EventSpec, used: Mapping[str, str]) -> EventSpec:
    """The event with some properties under former names, in its rules too; what such an event is judged by."""
    from msgspec.structs import replace

    return replace(
        event,
        properties={(old := used.get(name, name)): replace(spec, name=old) for name, spec in event.properties.items()},
        rules=tuple(
            replace(
                rule,
                when={used.get(name, name): values for name, values in rule.when.items()},
                then_required=tuple(used.get(name, name) for name in rule.then_required),
            )
            for rule in event.rules
        ),
    )


def era_of(event: EventSpec, former_name: str) -> dict[str, str]:
    """Property → the former name it most likely has where the event is sent under one of its former names."""
    ends = [former.through for former in event.formerly if former.event == former_name]
    last = next((end for end in ends if end is not None), 0)
    used: dict[str, str] = {}
    for former in sorted(event.formerly, key=lambda former: former.through or 2**62):
        new = _chained(event, former.now) if former.property else ""
        then = former.through is None or former.through >= last
        if then and new in event.properties and former.property not in event.properties:
            used.setdefault(new, former.property)
    return used


def _chained(event: EventSpec, name: str) -> str:
    """What a property is called now, over `now` that is itself a former name; a circle ends where it closes."""
    onwards = {former.property: former.now for former in event.formerly if former.property}
    seen = set()
    while name not in event.properties and name in onwards and name not in seen:
        seen.add(name)
        name = onwards[name]
    return name


# ── from what releases say to spans of revisions ──────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class _Span:
    through: int | None
    logical: str
    until: int
    """The last revision of which anybody said that the name was in use for this."""


def _spans(eras: Sequence[_Era]) -> dict[str, list[_Span]]:
    """Sent name → what it meant, in rising order of revisions; the last span has no end."""
    claims: dict[str, dict[int, str]] = {}
    endless: dict[str, tuple[str, int]] = {}
    for era in eras:
        for old, new, through in era.formerly:
            logical = _now(eras, new, era.rev)
            reused = [later.rev for later in eras if later.rev >= era.rev and old in later.live]
            end = through if through is not None else min(reused) - 1 if reused else None
            if end is None:
                endless[old] = logical, era.rev - 1
            else:
                claims.setdefault(old, {})[end] = logical  # what a newer release says of the same revisions counts
    found: dict[str, list[_Span]] = {}
    for name in {*claims, *endless, *(name for era in eras for name in era.live)}:
        spans = [_Span(end, logical, end) for end, logical in sorted(claims.get(name, {}).items())]
        last_end = spans[-1].through if spans and spans[-1].through is not None else 0
        used_since = any(name in era.live and era.rev > last_end for era in eras)
        if used_since:
            newest = max(era.rev for era in eras if name in era.live)
            spans.append(_Span(None, _now(eras, name, newest), newest))
        else:
            logical, until = endless.get(name) or (spans[-1].logical, last_end)
            spans.append(_Span(None, logical, until))
        merged = [
            span for span, after in zip(spans, [*spans[1:], None], strict=True)
            if after is None or after.logical != span.logical
        ]  # fmt: skip
        found[name] = merged
    return found


def _now(eras: Sequence[_Era], name: str, rev: int) -> str:
    """What the thing that release `rev` calls `name` is called in the newest."""
    for era in eras:
        if era.rev > rev:
            for old, new, through in era.formerly:
                if old == name and (through is None or through >= rev) and new != name:
                    return _now(eras, new, era.rev)
    return name


def _by_logical(spans: Mapping[str, Sequence[_Span]]) -> dict[str, tuple[Sent, ...]]:
    """Logical name → the names it is stored under, the present one first, then the most recent."""
    found: dict[str, list[tuple[bool, int, str, Sent]]] = {}
    for name, each in spans.items():
        after = 0
        for span in each:
            sent = Sent(name, after, span.through)
            found.setdefault(span.logical, []).append((name != span.logical, -span.until, name, sent))
            after = span.through or 0
    return {logical: tuple(sent for *_, sent in sorted(every, key=lambda e: e[:3])) for logical, every in found.items()}


# ── what a release says ───────────────────────────────────────────────────────────────────────


def _former_events(release: Release) -> tuple[tuple[str, str, int | None], ...]:
    return tuple(
        (former.event, name, former.through)
        for name, event in release.events.items()
        for former in event.formerly
        if former.event and former.event != name
    )


def _former_properties(event: EventSpec) -> tuple[tuple[str, str, int | None], ...]:
    return tuple(
        (_escaped(former.property), _escaped(_chained(event, former.now)), former.through)
        for former in event.formerly
        if former.property and former.property != former.now
    )


def _choice_era(rev: int, spec: PropertySpec) -> _Era:
    choices = [choice for part in (spec.any_of or (spec,)) for choice in part.choices]
    formerly = tuple((old, choice.value, None) for choice in choices for old in choice.formerly)
    return _Era(rev, {choice.value for choice in choices}, formerly)


def _choices(properties: Mapping[str, PropertySpec], prefix: str = "") -> Iterator[tuple[str, PropertySpec]]:
    """Path and spec of each choice, and each union with one, those inside objects too."""
    for name, spec in properties.items():
        path = prefix + _escaped(name)
        if spec.choices or any(part.choices for part in spec.any_of):
            yield path, spec
        if spec.properties:
            yield from _choices(spec.properties, f"{path}.")


def _stored(history: Sequence[tuple[int, EventSpec]], logical: str, sent: Sent) -> Iterator[tuple[str, Sent]]:
    """Logical path and where it is stored, for a property sent under one name and for what is inside it."""
    specs = [
        spec for _, event in reversed(history) for name, spec in event.properties.items() if _escaped(name) == sent.name
    ]
    for spec in specs or [PropertySpec(kind="any")]:
        stored = _escaped(spec.store_as) if spec.store_as else sent.name
        yield logical, Sent(stored, sent.after, sent.through)
        yield from _inside(spec, logical, stored, sent)
    if not specs:  # known by its former name only: what is inside it now was inside it then
        for _, event in history[-1:]:
            for name, spec in event.properties.items():
                if _escaped(name) == logical:
                    yield from _inside(spec, logical, sent.name, sent, plain=True)


def _inside(
    spec: PropertySpec, logical: str, stored: str, sent: Sent, *, plain: bool = False
) -> Iterator[tuple[str, Sent]]:
    for name, inner in (spec.properties or {}).items():
        own = _escaped(name)
        path = f"{stored}.{own if plain or not inner.store_as else _escaped(inner.store_as)}"
        yield f"{logical}.{own}", Sent(path, sent.after, sent.through)
        yield from _inside(inner, f"{logical}.{own}", path, sent, plain=plain)


def _escaped(name: str) -> str:
    """A name as one step of a stored path."""
    return name.replace(".", "%2E")


def event_names(names: Names, logical: Iterable[str]) -> list[str]:
    """Every name under which these events are stored, each once."""
    return list(dict.fromkeys(sent.name for each in logical for sent in names.events(each)))
