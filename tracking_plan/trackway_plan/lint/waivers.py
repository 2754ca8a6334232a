"""
Waivers: a rule that does not apply to one item, with a reason, until a day.

    event or group file   waive: [{rule: name-tense, reason: matches the ERP, until: 2026-12-31}]
    plan.yaml             the same, for types, traits and plan.yaml itself
    property: weight_kg   narrows a waiver to one property

Waivers are held to account themselves: unknown rules, waivers that waive nothing, that have expired or have no
end are findings, which cannot be waived.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from ..findings import Finding
from ..model import Plan, Waiver
from ..near import did_you_mean
from .rules import BY_ID
from .subjects import At, Found

_WITH_OWN = ("events", "groups")


@dataclass(frozen=True)
class _Placed:
    at: At
    """Where the waiver is written."""
    holder: At
    """("events", name), ("groups", name), or () for plan.yaml."""
    waiver: Waiver

    def covers(self, finding: Finding) -> bool:
        at = tuple(finding.data["at"])
        holder = at[:2] if at[:1] and at[0] in _WITH_OWN else ()
        if finding.rule != self.waiver.rule or holder != self.holder:
            return False
        return self.waiver.property in ("", finding.path, at[-1])


def waived(plan: Plan, findings: Iterable[Finding], today: date) -> Iterator[Finding]:
    """The findings that no waiver covers, and what is wrong with the waivers."""
    waivers = list(_waivers(plan))
    used: set[At] = set()
    for finding in findings:
        covering = [each for each in waivers if each.covers(finding)]
        used |= {each.at for each in covering}
        # One that has expired still covers: the finding is about the waiver, not twice about the item.
        if not covering:
            yield finding
    for each in waivers:
        yield from _wrong(plan, each, today, used=each.at in used)


def _waivers(plan: Plan) -> Iterator[_Placed]:
    holders: list[tuple[At, tuple[Waiver, ...]]] = [((), plan.waive)]
    holders += [(("groups", name), group.waive) for name, group in plan.groups.items()]
    holders += [(("events", name), event.waive) for name, event in plan.events.items()]
    for holder, waivers in holders:
        for number, waiver in enumerate(waivers):
            yield _Placed((*holder, "waive", str(number)), holder, waiver)


def _wrong(plan: Plan, each: _Placed, today: date, *, used: bool) -> Iterator[Finding]:
    rule, until = each.waiver.rule, each.waiver.until
    if rule not in BY_ID:
        message = f"there is no lint rule `{rule}`.{did_you_mean(rule, BY_ID)}"
        yield BY_ID["waiver-unknown"].finding(plan, Found(each.at, message))
        return
    about = f" of `{each.waiver.property}`" if each.waiver.property else ""
    if not used:
        message = f"nothing here breaks the rule `{rule}`{about}, so the waiver waives nothing."
        yield BY_ID["waiver-unused"].finding(plan, Found(each.at, message))
    elif not until:
        message = f"the waiver of `{rule}`{about} has no end."
        yield BY_ID["waiver-endless"].finding(plan, Found(each.at, message))
    elif until < today.isoformat():
        message = f"the waiver of `{rule}`{about} ended on {until}: {each.waiver.reason}."
        yield BY_ID["waiver-expired"].finding(plan, Found(each.at, message))
