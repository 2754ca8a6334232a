"""Findings as lines that people, editors and grep read: `file:line:column: severity[rule]: message`."""

from __future__ import annotations

from io import StringIO
from itertools import zip_longest

from rich.console import Console
from rich.text import Text

from ..findings import Finding, Report, Severity
from .escape import one_line

_STYLES = {Severity.ERROR: "bold red", Severity.WARN: "yellow", Severity.NOTE: "cyan"}


def render_text(report: Report) -> str:
    """The findings, in the order they were found, and a line that counts them; in colour where the terminal has it."""
    out = StringIO()
    # soft_wrap: a path that rich has broken in two is no longer one that an editor or grep can follow.
    console = Console(file=out, soft_wrap=True, highlight=False, force_terminal=Console().is_terminal)
    for finding, following in zip_longest(report.findings, report.findings[1:]):
        console.print(_line(finding))
        for line in _below(finding, following):
            console.print(Text(f"  {one_line(line)}", style="dim"))
    console.print(Text(one_line(closing_line(report)), style="bold red" if report.failing() else "green"))
    return out.getvalue()


def closing_line(report: Report) -> str:
    """`storefront: 2 errors, 1 warning.`, or what the verb says instead."""
    return report.summary or f"{report.subject}: {counted(report)}."


def counted(report: Report) -> str:
    """`2 errors, 1 warning`, or `nothing found`; accepted ones are counted apart."""
    names = {Severity.ERROR: "error", Severity.WARN: "warning", Severity.NOTE: "note"}
    parts = []
    for severity, name in names.items():
        number = sum(f.severity is severity and not f.accepted_until for f in report.findings)
        if number:
            parts.append(f"{number:,} {name}" + ("s" if number > 1 else ""))
    accepted = sum(bool(f.accepted_until) for f in report.findings)
    if accepted:
        parts.append(f"{accepted:,} accepted")
    return ", ".join(parts) or "nothing found"


def _line(finding: Finding) -> Text:
    where = Text(f"{one_line(finding.where)}: " if finding.where else "", style="bold")
    kind = Text(f"{finding.severity}[{finding.rule}]", style=_STYLES[finding.severity])
    audience = f" {finding.audience}:" if finding.audience else ""
    return where + kind + Text(f":{audience} {one_line(finding.message)}")


def _below(finding: Finding, following: Finding | None) -> list[str]:
    """How to mend it, once where one change has several findings in a row that are mended in one way."""
    again = following is not None and (following.rule, following.hint) == (finding.rule, finding.hint)
    lines = [] if again else finding.hint.splitlines()
    if finding.accepted_until:
        lines.append(f"Accepted until {finding.accepted_until}.")
    return lines
