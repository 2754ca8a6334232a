"""
Findings as GitHub workflow commands, which GitHub shows as annotations beside the lines of a pull request.

    ::error file=tracking_plan/events/a/b.yaml,line=3,col=5,title=name-case::message

GitHub shows 10 of a kind per step and 50 per job, and drops the rest without a word. So the ten that matter most are
written, and a last notice counts the others. A job with several steps may still pass 50: give it one that reports.
"""

from __future__ import annotations

from ..findings import Finding, Report, Severity
from .escape import one_line, visible
from .places import repository_path
from .text import closing_line

PER_KIND = 10
PER_JOB = 50

_COMMANDS = {Severity.ERROR: "error", Severity.WARN: "warning", Severity.NOTE: "notice"}


def render_github(report: Report) -> str:
    """One command a finding, the most urgent first, at most `PER_KIND` of a kind, and what was left out."""
    kinds: dict[str, list[Finding]] = {name: [] for name in _COMMANDS.values()}
    for finding in report.by_urgency():
        # What was accepted fails nothing, and must not look as if it did.
        kinds["notice" if finding.accepted_until else _COMMANDS[finding.severity]].append(finding)
    over = {name: len(found) for name, found in kinds.items() if len(found) > PER_KIND}
    # The line that says what was left out is a notice itself.
    room = dict.fromkeys(kinds, PER_KIND) | ({"notice": PER_KIND - 1} if over else {})
    lines = [_command(kind, finding, report.home) for kind, found in kinds.items() for finding in found[: room[kind]]]
    left_out = {kind: len(found) - room[kind] for kind, found in kinds.items() if len(found) > room[kind]}
    if left_out:
        what = ", ".join(f"{number:,} {_noun(kind, number)}" for kind, number in left_out.items())
        text = f"Left out here: {what}. GitHub shows {PER_KIND} of a kind; the log and the report hold all of them."
        lines.append(f"::notice title=trackway plan {property_value(report.verb)}::{data(text)}")
    # Never at the beginning of a line: a plan named `::error::` would be obeyed.
    lines.append(f"trackway plan {report.verb}: {one_line(closing_line(report))}")
    return "\n".join(lines) + "\n"


def data(text: str) -> str:
    """Text as the message of a command; the percent sign first, or it would escape the escapes."""
    return visible(text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A"))


def property_value(text: str) -> str:
    """Text as the value of a command's property, where commas and colons separate."""
    return data(one_line(text)).replace(":", "%3A").replace(",", "%2C")


def _command(kind: str, finding: Finding, home: str) -> str:
    where = {"file": repository_path(finding.file or home)}
    if finding.file and finding.line:
        where |= {"line": str(finding.line)} | ({"col": str(finding.column)} if finding.column else {})
    title = f"{finding.rule} ({finding.audience})" if finding.audience else finding.rule
    properties = {name: value for name, value in where.items() if value} | {"title": title}
    shown = ",".join(f"{name}={property_value(value)}" for name, value in properties.items())
    hint = f"\n{finding.hint}" if finding.hint else ""
    accepted = f"\nAccepted until {finding.accepted_until}." if finding.accepted_until else ""
    return f"::{kind} {shown}::{data(finding.message + hint + accepted)}"


def _noun(kind: str, number: int) -> str:
    return kind if number == 1 else f"{kind}s"
