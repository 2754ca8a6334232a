"""
`drift`: what arrives against what the plan says, and against what arrived before.

    window ─▶ observed events ─▶ departures from the plan      observed-…   exact verdicts
                              ─▶ profile ─▶ shifts             drift-…      tests, corrected together
                              ─▶ profile, pages ─▶ detectors   pii-…        where, never what
                                                 └▶ Report, with the plan patch to paste
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trackway_analytics.plan_data.census import percent
from trackway_analytics.plan_data.departures import PHRASES, DepartureCount, Departures, owner_of
from trackway_analytics.plan_data.guess import SAID
from trackway_analytics.plan_data.patch import Patch
from trackway_analytics.plan_data.profile import SAMPLE, Profile, people_of, profile
from trackway_analytics.plan_data.restore import Restorer
from trackway_analytics.plan_data.shifts import Shift, shifts, significant
from trackway_analytics.plan_data.stored import WHOLE, Shares, Volume, Window, observed, sql_file, volumes
from trackway_analytics.plan_data.verdicts import shown_name
from trackway_plan import Release, ViolationCode
from trackway_plan.findings import Evidence, Finding, Report, Severity
from trackway_plan.model import Place, PropertySpec
from trackway_plan.pii import PII_CLASSES_FOR, Personal, personal_data

if TYPE_CHECKING:
    from trackway_collector.warehouse import Warehouse

MINIMUM = 100
LEAST_DEPARTING = 5
LEAST_PERSONAL = {Personal.EMAIL: 1, Personal.PHONE: 3, Personal.CARD: 1}
"""Digits may look like a phone number once or twice by chance."""

_SAME_FACT = {
    ViolationCode.UNPLANNED_PROPERTY: "null-rate",
    ViolationCode.MISSING_REQUIRED: "null-rate",
    ViolationCode.WRONG_TYPE: "types",
    ViolationCode.VALUE_NOT_ALLOWED: "new-value",
}
"""Code of a departure → the figure that tells the same once more; it then stands below the departure."""

_FIGURES = {
    "null-rate": "is absent more or less often than before",
    "types": "comes in other types than before",
    "new-value": "has {value}, which did not come before",
    "vanished-value": "no longer has {value}",
    "cardinality": "has another number of distinct values than before",
    "quantiles": "has other numbers than before",
    "length": "has texts of other lengths than before",
}


Changes = dict[tuple[str, str, str, str], Shift]
"""(event, path, figure, value) → the change."""


@dataclass(frozen=True)
class Compared:
    """The plan and the two windows that a report is about."""

    release: Release
    places: Mapping[tuple[str, ...], Place]
    window: Window
    baseline: Window
    minimum: int = MINIMUM

    @property
    def days(self) -> int:
        """Whole days of the window, at least 1."""
        return max(1, round((self.window.until - self.window.since).total_seconds() / 86_400))

    def finding(self, rule: str, severity: Severity, message: str, event: str, path: str, **more: object) -> Finding:
        """A finding at the place where the plan speaks of the property, or else of the event."""
        top = path.partition(".")[0].removesuffix("[]")
        group = owner_of(self.release, event, path)
        owner = ("groups", group) if group else ("events", event)
        place = (
            self.places.get((*owner, "properties", top)) or self.places.get(owner) or self.places.get(("everywhere",))
        )
        at = {"file": place.file, "line": place.line, "column": place.column} if place else {}
        return Finding(rule=rule, severity=severity, message=message, event=event, path=path, **at, **more)  # type: ignore[arg-type]


def drift(warehouse: Warehouse, compared: Compared, *, sample: int = SAMPLE, subject: str = "") -> Report:
    """
    The report on one window. Of names with more than `sample` events a share is looked at; counts are scaled.

    Raises:
        WarehouseError: of `trackway_collector.warehouse`.
    """
    now = volumes(warehouse, compared.window)
    then = volumes(warehouse, compared.baseline)
    departures = Departures(compared.release)
    profiles: dict[str, Profile] = {}
    compared_shifts: list[Shift] = []
    for event, volume in now.items():
        profiles[event] = current = _look(warehouse, event, compared.window, volume, sample, compared, departures)
        if event in then:
            before = _look(warehouse, event, compared.baseline, then[event], sample, compared, None)
            compared_shifts += shifts(before, current, compared.minimum)
    patch = Patch(compared.release, compared.places, profiles)
    changes = {(shift.event, shift.path, shift.figure, shift.value): shift for shift in significant(compared_shifts)}
    findings = [
        *_departed(compared, departures, patch, changes),
        *_shifted(compared, changes.values()),
        *_stopped(compared, now, then),
        *_personal(compared, profiles, patch),
        *_pages(warehouse, compared, sample),
    ]
    window, baseline = (
        [each.since.isoformat(), each.until.isoformat()] for each in (compared.window, compared.baseline)
    )
    facts = {
        "window": window,
        "baseline": baseline,
        "events": {name: volume.events for name, volume in now.items() if not personal_data(name)},
        "baseline_events": sum(volume.events for volume in then.values()),
        "comparisons": len(compared_shifts),
        "patch": patch.files(),
    }
    return Report(
        verb="drift",
        subject=subject or compared.release.name,
        findings=tuple(sorted(findings, key=Finding.sort_key)),
        facts=facts,
    )


def _look(
    warehouse: Warehouse,
    event: str,
    window: Window,
    volume: Volume,
    sample: int,
    compared: Compared,
    departures: Departures | None,
) -> Profile:
    shares = Shares.of(volume, sample)
    groups = list(observed(warehouse, event, window, Restorer(compared.release.events.get(event)), shares))
    if departures is not None:
        departures.add(event, groups, shares.overall)
    found = profile(event, groups, window=window, volume=volume, base=shares.stored)
    found.share = shares.overall
    found.people = people_of(warehouse, event, window, shares, found.events)
    return found


def _departed(compared: Compared, departures: Departures, patch: Patch, changes: Changes) -> Iterator[Finding]:
    """The departures; changes that tell the same are taken out of `changes` and told with them."""
    for found in departures.found(LEAST_DEPARTING):
        events = sorted(found.events, key=lambda name: -found.events[name])
        seen = sum(departures.seen[event] for event in events)
        names = f"`{shown_name(events[0])}`" if len(events) == 1 else f"{len(events)} kinds of"
        phrase = PHRASES.get(found.code, f"depart from the plan ({found.code})").format(path=found.path or "properties")
        share = f"{found.count:,.0f} of {seen:,.0f} {names} events ({percent(found.count / seen)})"
        message = f"{share} {phrase}{_senders(found)}."
        suggestion = patch.add(found, f"{found.path or shown_name(events[0])}: {share} {found.code}")
        yield compared.finding(
            f"observed-{found.code.replace('_', '-')}",
            Severity.WARN,
            message,
            shown_name(events[0]),
            found.path,
            hint="\n".join([*_since(found, changes), _hint(found, suggestion)]),
            evidence=Evidence(
                days=compared.days,
                events=round(seen),
                failing=round(found.count),
                by_source={source: round(count) for source, count in sorted(found.by_source.items())},
                by_rev={rev: round(count) for rev, count in sorted(found.by_rev.items())},
                sampled=min((departures.shares[event] for event in events), default=1.0),
            ),
            data={"group": found.group, "events": [*map(shown_name, events)]} if found.group else {},
        )


def _senders(found: DepartureCount) -> str:
    sources = ", ".join(sorted(source or "no source" for source in found.by_source))
    revs = ", ".join(f"rev {rev}" if rev else "unstamped" for rev in sorted(found.by_rev))
    return f" (from {sources}; {revs})"


def _hint(found: DepartureCount, suggestion: str) -> str:
    if found.code == ViolationCode.UNPLANNED_EVENT and suggestion:
        return "Take the draft at the end into the plan, or stop sending it."
    if suggestion:
        return f"If that is as it should be, write in {suggestion.rstrip()}\nElse mend the sender."
    return "Mend the sender, or what the plan says."


def _since(found: DepartureCount, changes: Changes) -> list[str]:
    """What is new about a departure, a line a change."""
    figure = _SAME_FACT.get(ViolationCode(found.code))
    same = [key for key in changes if key[0] in found.events and key[1] == found.path and key[2] == figure]
    lines = [f"New: {_told(changes.pop(key))}" for key in same]
    return lines[:3] + ([f"{len(lines) - 3} more such changes."] if len(lines) > 3 else [])


def _told(shift: Shift) -> str:
    value = f'"{shift.value}"' if shift.value else "a value that may not be shown"
    chance = "< 1e-12" if shift.p < 1e-12 else f"= {shift.p:.1g}"
    what = _FIGURES[shift.figure].format(value=value)
    return f"`{shift.path}` of `{shown_name(shift.event)}` {what}: {shift.before} → {shift.after} (p {chance})."


def _shifted(compared: Compared, found: Iterable[Shift]) -> Iterator[Finding]:
    for shift in found:
        yield compared.finding(
            f"drift-{shift.figure}",
            Severity.NOTE if shift.figure == "vanished-value" else Severity.WARN,
            _told(shift),
            shown_name(shift.event),
            shift.path,
            before=shift.value if shift.figure == "vanished-value" else "",
            after=shift.value if shift.figure == "new-value" else "",
            data={"before": shift.before, "after": shift.after, "p": shift.p},
        )


def _stopped(compared: Compared, now: Mapping[str, Volume], then: Mapping[str, Volume]) -> Iterator[Finding]:
    for event, volume in then.items():
        if event not in now and volume.events >= compared.minimum and not personal_data(event):
            message = f"`{event}` no longer arrives; {volume.events:,} came in the window before."
            yield compared.finding("drift-event-stopped", Severity.WARN, message, event, "")


def _personal(compared: Compared, profiles: Mapping[str, Profile], patch: Patch) -> Iterator[Finding]:
    for event, profile_ in profiles.items():
        for path, one in profile_.properties.items():
            planned = _class_of(compared.release, event, path)
            for (kind, source), count in one.personal.items():
                if count < LEAST_PERSONAL[kind] or planned in PII_CLASSES_FOR[kind]:
                    continue
                lied = planned in ("none", "pseudonymous")
                where = f"{count:,.0f} of {one.sources[source]:,.0f} values of `{path}` of `{shown_name(event)}`"
                says = f"the plan says `pii: {planned}`" if planned else "the plan gives it no pii class"
                looked = "" if profile_.share >= 1 else f" in a sample of {percent(profile_.share)}"
                message = f"{where} from {source or 'no source'}{looked} hold {SAID[kind]}, and {says}."
                keys = {"pii": "financial" if kind is Personal.CARD else "contact", "store": "drop"}
                # Where few values are personal the sender is to be mended, not the plan.
                if count > one.present / 2 and _planned(compared.release, event, path):
                    group = owner_of(compared.release, event, path)
                    patch.remark(event, group, path, keys, f"{path}: {SAID[kind]} in most values")
                yield compared.finding(
                    "pii-found" if lied else "pii-suspect",
                    Severity.ERROR if lied else Severity.WARN,
                    message,
                    shown_name(event),
                    path,
                    hint="Stop sending it, or give the property its class and say what is stored: "
                    f"`pii: {keys['pii']}`, `store: hash` or `drop`.",
                    before=planned or "",
                    after=kind.value,
                    data={
                        "source": source,
                        "kind": kind.value,
                        "values": round(count),
                        "of": round(one.sources[source]),
                    },
                )


def _pages(warehouse: Warehouse, compared: Compared, sample: int) -> Iterator[Finding]:
    total = sum(volume.stored for volume in volumes(warehouse, compared.window).values())
    share = Shares.of(Volume(stored=total), sample).stored
    params = compared.window.params | {"slice": round(share * WHOLE)}
    found: dict[tuple[str, str, Personal], int] = defaultdict(int)
    of: dict[tuple[str, str], int] = defaultdict(int)
    for _, source, part, text, count in warehouse.query(sql_file("page_texts"), params).rows:
        of[source, part] += int(count)
        for kind in personal_data(text):
            found[source, part, kind] += int(count)
    for (source, part, kind), count in sorted(found.items()):
        if count < LEAST_PERSONAL[kind] or kind is Personal.CARD:
            continue
        looked = "" if share >= 1 else f", in a sample of {percent(share)}"
        where = f"{count:,} of {of[source, part]:,} values of `{part}` from {source or 'no source'}"
        message = f"{where} hold {SAID[kind]}{looked}."
        yield compared.finding(
            "pii-suspect",
            Severity.WARN,
            message,
            "",
            part,
            hint="A form that sends by GET, or a link in a mail, leaves what people typed in the address: use POST, or "
            "cut the address in the client.",
            after=f"{source} {kind.value}",
            data={"source": source, "kind": kind.value, "values": count, "of": of[source, part]},
        )


def _class_of(release: Release, event: str, path: str) -> str | None:
    """The pii class in force at a path: the nearest one on the way to it."""
    found: str | None = None
    for spec in _way(release, event, path):
        found = spec.pii or found
    return found


def _planned(release: Release, event: str, path: str) -> bool:
    return len(list(_way(release, event, path))) == path.count(".") + path.count("[]") + 1


def _way(release: Release, event: str, path: str) -> Iterator[PropertySpec]:
    event_spec = release.events.get(event)
    properties: Mapping[str, PropertySpec] = event_spec.properties if event_spec else {}
    for part in path.split("."):
        spec = properties.get(part.rstrip("[]"))
        if spec is None:
            return
        yield spec
        for _ in range(part.count("[]")):
            if spec.of is None:
                return
            spec = spec.of
            yield spec
        properties = spec.properties or {}
