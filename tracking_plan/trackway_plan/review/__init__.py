"""
Review: everything there is to say about a change of the plan, in one report and one comment.

    Setting ─▶ Context (both revisions, definitions, each read once) ─ CHECKS ─▶ Review ─▶ report, comment

A check that cannot run says why and is named in the report: what was not looked at must not look like "nothing found".
"""

from __future__ import annotations

from ..findings import Finding, Report, Severity
from ..reports.text import counted
from .checks import CHECKS, with_acceptance
from .context import Context, Part, Setting

__all__ = ["CHECKS", "Context", "Part", "Setting", "report_of", "review"]


def review(context: Context) -> list[Part]:
    """
    What each check says, in order; those that rest on a sound plan are left out while it is not.

    Raises:
        EvidenceUnreachableError: evidence was asked for and the warehouse does not answer.
    """
    parts: list[Part] = []
    for check in CHECKS:
        if check.needs_plan and context.after is None:
            parts.append(Part(check.name, skipped="the plan is not valid"))
        else:
            parts.append(check.run(context))
    return with_acceptance(parts)


def report_of(context: Context, parts: list[Part], bar: Severity = Severity.ERROR) -> Report:
    """One report of all checks, worst findings first."""
    findings = sorted((finding for part in parts for finding in part.findings), key=Finding.sort_key)
    report = Report(
        verb="review",
        subject=context.subject,
        findings=tuple(findings),
        rules={rule: why for part in parts for rule, why in part.rules.items()},
        home=str(context.setting.directory / "plan.yaml"),
        changed=context.changed,
        bar=bar,
    )
    said = [part.said for part in parts if part.said]
    skipped = [f"{part.name} was not run: {part.skipped}" for part in parts if part.skipped]
    facts = {
        "verdict": "fail" if report.failing() else "pass",
        "checks": [
            {"name": part.name, "findings": len(part.findings), "said": part.said, "skipped": part.skipped}
            for part in parts
        ],
        "clients": [line for part in parts for line in part.clients],
    }
    summary = f"{context.subject}: {counted(report)}. {'; '.join([*said, *skipped])}".strip()
    return Report(
        verb=report.verb,
        subject=report.subject,
        findings=report.findings,
        facts=facts,
        summary=summary + ("" if summary.endswith(".") else "."),
        rules=report.rules,
        home=report.home,
        changed=report.changed,
        bar=bar,
    )
