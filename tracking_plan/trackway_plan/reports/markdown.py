"""Findings as Markdown: a verdict and a table, for comments and for `$GITHUB_STEP_SUMMARY`."""

from __future__ import annotations

from ..findings import Finding, Report, Severity
from .escape import code, one_line, prose
from .text import closing_line

MOST_BYTES = 1024 * 1024 - 4096
"""GitHub shows a step summary of up to 1 MiB and none that is larger."""

MARKS = {Severity.ERROR: "❌ error", Severity.WARN: "⚠️ warning", Severity.NOTE: "ℹ️ note"}


def render_markdown(report: Report) -> str:
    """A heading with the verdict and a row for each finding, most urgent first."""
    verdict = "❌" if report.failing() else "✅"
    head = f"### {verdict} trackway plan {report.verb}\n\n{prose(closing_line(report))}\n"
    if not report.findings:
        return head
    return head + "\n" + "\n".join(table(report.by_urgency())) + "\n"


def table(findings: list[Finding], most_bytes: int = MOST_BYTES) -> list[str]:
    """The lines of a table of findings, cut where it would grow over `most_bytes`, with what was left out."""
    lines = ["| | rule | where | what |", "| --- | --- | --- | --- |"]
    used = 0
    for number, finding in enumerate(findings):
        row = _row(finding)
        used += len(row.encode()) + 1
        if used > most_bytes:
            return [*lines, "", f"{len(findings) - number:,} more are left out here."]
        lines.append(row)
    return lines


def _row(finding: Finding) -> str:
    mark = f"accepted until {finding.accepted_until}" if finding.accepted_until else MARKS[finding.severity]
    rule = code(finding.rule) + (f" {finding.audience}" if finding.audience else "")
    what = prose(finding.message)
    if finding.hint:
        what += "<br>" + "<br>".join(prose(line) for line in finding.hint.splitlines())
    return f"| {mark} | {rule} | {code(one_line(finding.where))} | {what} |"
