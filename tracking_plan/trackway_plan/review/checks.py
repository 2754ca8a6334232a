"""
The checks of a review, in the order they run.

Each is a function from the context to what it says; one that has nothing to look at says why it did not run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from ..breaking import RULES as BREAKING
from ..breaking import findings as breaking_findings
from ..commands.compare import History
from ..commands.validate import validity
from ..findings import Audience, Finding, Severity
from ..generate import findings as stale_clients
from ..impact.definitions import impact as impact_findings
from ..lint import lint_report
from ..release import released_files
from ..revisions.immutable import RULES as RELEASES
from ..revisions.immutable import release_findings
from .clients import Behind
from .context import Context, Part


@dataclass(frozen=True)
class Check:
    """One check; `needs_plan` if it rests on a valid plan."""

    name: str
    run: Callable[[Context], Part]
    needs_plan: bool = True


def validate(context: Context) -> Part:
    """Everything that is wrong with the plan itself; releases are the last check's business."""
    report = validity(context.setting.directory)
    own = tuple(finding for finding in report.findings if finding.rule not in RELEASES)
    return Part("validate", own, rules=report.rules)


def lint(context: Context) -> Part:
    """Names, owners, personal data, what has expired."""
    report = lint_report(context.read[0], context.setting.today)
    return Part("lint", report.findings, rules=report.rules)


def breaking(context: Context) -> Part:
    """What the change breaks, for whom, and how often that would really happen."""
    before, after, setting = context.before, context.after, context.setting
    if isinstance(before, str):
        return Part("breaking", skipped=before)
    assert after is not None  # noqa: S101
    found = breaking_findings(
        before,
        after,
        today=setting.today,
        history=History(setting.directory),
        evidence=setting.evidence,
        definitions=context.definitions or None,
    )
    said = f"evidence of {setting.evidence.days} days" if setting.evidence else "no evidence"
    return Part("breaking", tuple(found), said, rules={name: rule.summary for name, rule in BREAKING.items()})


def impact(context: Context) -> Part:
    """Which definitions the change breaks, changes, or leaves whole thanks to an alias."""
    before, after = context.before, context.after
    if isinstance(before, str):
        return Part("impact", skipped=before)
    assert after is not None  # noqa: S101
    if not context.definitions:
        return Part("impact", skipped="there are no definitions")
    number = len(context.definitions)
    said = "1 definition" if number == 1 else f"{number:,} definitions"
    return Part("impact", tuple(impact_findings(before.release, after.release, context.definitions)), said)


def generate(context: Context) -> Part:
    """Whether the generated clients in the repository are those of the plan."""
    plan, directory = context.read[0], context.setting.directory
    if not plan.generate:
        return Part("generate", skipped="no generated clients are configured")
    return Part("generate", tuple(stale_clients(plan, directory)))


def releases(context: Context) -> Part:
    """Whether every release is what it was."""
    setting = context.setting
    found = release_findings(setting.directory, setting.against if context.is_ref else "")
    return Part("release", tuple(found), rules=RELEASES)


def clients(context: Context) -> Part:
    """Who still sends with an older revision; information, never a finding."""
    behind: Behind | None = context.setting.clients  # type: ignore[assignment]
    newest = max(released_files(context.setting.directory), default=0)
    if behind is None:
        return Part("clients", skipped="there is no warehouse to ask")
    if not newest:
        return Part("clients", skipped="nothing was released yet")
    return Part("clients", clients=tuple(behind(newest)))


CHECKS: tuple[Check, ...] = (
    Check("validate", validate, needs_plan=False),
    Check("lint", lint),
    Check("breaking", breaking),
    Check("impact", impact),
    Check("generate", generate),
    Check("release", releases, needs_plan=False),
    Check("clients", clients, needs_plan=False),
)


def with_acceptance(parts: list[Part]) -> list[Part]:
    """
    Definitions that an accepted change breaks do not fail the review a second time.

    accepted.yaml knows the findings of `breaking`; what `impact` says of the same event and property goes with them.
    """
    accepted = {
        (finding.event, finding.path): finding.accepted_until
        for part in parts
        for finding in part.findings
        if part.name == "breaking" and finding.accepted_until and finding.audience is Audience.QUERY
    }

    def marked(finding: Finding) -> Finding:
        until = accepted.get((finding.event, finding.path)) or accepted.get((finding.event, ""), "")
        if finding.severity is Severity.ERROR and until:
            return msgspec.structs.replace(finding, accepted_until=until)
        return finding

    return [
        Part(part.name, tuple(map(marked, part.findings)), part.said, part.skipped, part.rules)
        if part.name == "impact"
        else part
        for part in parts
    ]
