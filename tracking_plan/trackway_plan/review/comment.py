"""
The comment under a pull request: what the change does, for whom, and what to do, in Markdown.

One comment a plan: the first line is a marker that nobody sees, by which the next run finds the comment it has to
replace. Everything that comes from a plan is escaped, so that a summary can neither mention people nor draw a table.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..breaking.judge import changelog
from ..breaking.write_accepted import accept_command
from ..findings import Audience, Evidence, Finding, Report, Severity
from ..reports.escape import code, one_line, prose
from ..reports.text import counted
from .context import Context, Part

MOST_CHARACTERS = 60_000
"""GitHub takes comments of up to 65,536 characters."""
_MOST_ROWS = 100

_MARKS = {Severity.ERROR: "❌", Severity.WARN: "⚠️", Severity.NOTE: "ℹ️"}
_AUDIENCES: dict[Audience | None, str] = {
    Audience.SOURCE: "**source**: code that uses the generated client",
    Audience.INGEST: "**ingest**: clients that are out in the world",
    Audience.STORAGE: "**storage**: columns and what is in them",
    Audience.QUERY: "**query**: questions asked of the data",
    None: "**policy**: what the team has promised itself",
}


def marker(context: Context) -> str:
    """The hidden first line; each plan of a repository has its own."""
    directory = one_line(context.setting.directory.as_posix()).replace("--", "\u2011\u2011").replace(">", "")
    return f"<!-- trackway-plan-review: {directory} -->"


def comment(context: Context, parts: Sequence[Part], report: Report) -> str:
    """The whole comment; where it would be too long for GitHub, the longest tables are cut, and it says so."""
    for rows in (_MOST_ROWS, 25, 8, 2):
        text = "\n\n".join(section for section in _sections(context, parts, report, rows) if section) + "\n"
        if len(text) <= MOST_CHARACTERS:
            return text
    return text[:MOST_CHARACTERS].rsplit("\n", 1)[0] + "\n\nThis was too long for a comment; see the log.\n"


def _sections(context: Context, parts: Sequence[Part], report: Report, rows: int) -> Iterator[str]:
    by_name = {part.name: part for part in parts}
    breaking = by_name["breaking"].findings if "breaking" in by_name else ()
    yield f"{marker(context)}\n{_verdict(report)}"
    yield f"{prose(context.subject)}. {_evidence_line(by_name)}"
    yield _by_audience([*breaking, *(by_name["impact"].findings if "impact" in by_name else ())])
    yield _problems(parts, report, rows)
    yield from _changes(context, breaking, rows)
    yield _definitions(by_name, rows)
    yield _clients(by_name, rows)
    yield _accepted(context, report, rows)
    yield _to_do(context, report, breaking, rows)
    yield _not_run(parts)


def _verdict(report: Report) -> str:
    failing = report.failing()
    if failing:
        return f"## ❌ Tracking plan: {counted(report)}"
    if any(finding.severity is Severity.WARN for finding in report.findings):
        return f"## ⚠️ Tracking plan: nothing fails, {counted(report)}"
    return "## ✅ Tracking plan: nothing breaks"


def _evidence_line(by_name: dict[str, Part]) -> str:
    part = by_name.get("breaking")
    if part is None or part.skipped:
        return ""
    if part.said == "no evidence":
        return "No evidence: no warehouse was asked how often this would happen."
    failing = [finding.evidence.failing for finding in part.findings if finding.evidence]
    if not failing:
        return f"{part.said.capitalize()}."
    return f"Stored events were asked: {part.said}, up to {sum(failing):,} would fail."


def _by_audience(found: Sequence[Finding]) -> str:
    """How many findings of `breaking` and `impact` concern whom; those of the plan itself stand apart."""
    lines = ["| for whom | errors | warnings | accepted |", "| --- | --: | --: | --: |"]
    for audience, name in _AUDIENCES.items():
        mine = [f for f in found if f.audience is audience and f.severity is not Severity.NOTE]
        open_ = [f.severity for f in mine if not f.accepted_until]
        if mine or audience is not None:
            counts = open_.count(Severity.ERROR), open_.count(Severity.WARN), len(mine) - len(open_)
            lines.append(f"| {name} | {' | '.join(str(count) if count else '–' for count in counts)} |")
    return "\n".join(lines) if any(f.severity is not Severity.NOTE for f in found) else ""


def _problems(parts: Sequence[Part], report: Report, rows: int) -> str:
    """What is wrong with the plan as it stands: validate, lint, releases, generated clients."""
    found = [
        finding
        for part in parts
        if part.name not in ("breaking", "impact")
        for finding in part.findings
        if finding.severity is not Severity.NOTE
    ]
    if not found:
        return ""
    found.sort(key=Finding.sort_key)
    lines = [f"- {_MARKS[f.severity]} {code(f.rule)} {code(f.where)} {prose(f.message)}" for f in found[:rows]]
    return "\n".join(["### In the plan itself", "", *lines, *_more(found, rows)])


def _changes(context: Context, breaking: Sequence[Finding], rows: int) -> Iterator[str]:
    """For each event that changes a table: before → after, and for whom that is bad."""
    before, after = context.before, context.after
    if isinstance(before, str) or after is None:
        return
    log = changelog(before, after)
    by_event: dict[str, list[Finding]] = {}
    for change in log:
        by_event.setdefault(change.event, []).append(change)
    for number, (event, changes) in enumerate(by_event.items()):
        if number == rows:
            yield f"{len(by_event) - rows:,} more events change; `trackway plan diff` lists them."
            return
        spec = after.release.events.get(event) or before.release.events.get(event)
        owner = f" ({prose(spec.owner)})" if spec and spec.owner else ""
        title = f"### {code(event)}{owner}" if event else "### Shared parts, and the plan as a whole"
        lines = [title, "", "| change | before → after | for whom |", "| --- | --- | --- |"]
        for change in changes[:rows]:
            lines.append(f"| {prose(change.message)} | {_step(change)} | {_for_whom(change, breaking)} |")
        yield "\n".join([*lines, *_more(changes, rows)])


def _step(change: Finding) -> str:
    if change.rule == "definition-edited":
        return ""
    was, now = (code(_cut(text.strip())) for text in (change.before, change.after))
    return f"{was or '–'} → {now or '–'}" if was or now else ""


def _cut(text: str) -> str:
    return text if len(text) <= 80 else text[:79] + "…"


def _for_whom(change: Finding, breaking: Sequence[Finding]) -> str:
    shown = []
    for finding in breaking:
        same = (finding.rule, finding.event, finding.path) == (change.rule, change.event, change.path)
        if same and (finding.before, finding.after) == (change.before, change.after):
            name = finding.audience.value if finding.audience else "policy"
            mark = "☑️" if finding.accepted_until else _MARKS[finding.severity]
            shown.append(f"{mark} {name}{_share(finding.evidence)}")
    return "<br>".join(shown) or "nobody"


def _share(evidence: Evidence | None) -> str:
    if evidence is None:
        return ""
    sources = ", ".join(
        f"{number:,} from {code(source) or 'no source'}" for source, number in list(evidence.by_source.items())[:3]
    )
    of = f"{evidence.failing:,} of {evidence.events:,} events in {evidence.days} days"
    return f": {of}" + (f" ({sources})" if sources and evidence.failing else "")


def _definitions(by_name: dict[str, Part], rows: int) -> str:
    part = by_name.get("impact")
    if part is None or part.skipped or not part.findings:
        return ""
    lines = ["### Definitions", ""]
    for finding in part.findings[:rows]:
        mark = "☑️" if finding.accepted_until else _MARKS[finding.severity]
        lines.append(f"- {mark} {prose(finding.message)} {code(finding.where)}")
    return "\n".join([*lines, *_more(part.findings, rows)])


def _clients(by_name: dict[str, Part], rows: int) -> str:
    lines = by_name["clients"].clients if "clients" in by_name else ()
    if not lines:
        return ""
    shown = [f"- {prose(line)}" for line in lines[:rows]]
    return "\n".join(["### Clients with older revisions", "", *shown, *_more(lines, rows)])


def _accepted(context: Context, report: Report, rows: int) -> str:
    found = [finding for finding in report.findings if finding.accepted_until]
    if not found:
        return ""
    reasons = {entry.fingerprint: entry.reason for entry in context.read[0].accepted}
    lines = []
    for finding in found[:rows]:
        about = code(" ".join(part for part in (finding.event, finding.path) if part))
        reason = reasons.get(finding.fingerprint, "")
        line = f"- {code(finding.rule)} {about} until {finding.accepted_until}"
        lines.append(line + (f": {prose(reason)}" if reason else ""))
    return "\n".join(["### Accepted", "", *lines, *_more(found, rows)])


def _to_do(context: Context, report: Report, breaking: Sequence[Finding], rows: int) -> str:
    failing = report.failing()
    if not failing:
        return ""
    hints = [hint for hint in dict.fromkeys(_without_accepting(finding.hint) for finding in failing) if hint]
    lines = [f"{number}. {_lines(hint)}" for number, hint in enumerate(hints[:rows], 1)]
    wanted = [finding.fingerprint for finding in failing if finding in breaking]
    lines += _more(hints, rows)
    if wanted:
        setting = context.setting
        command = accept_command(dict.fromkeys(wanted[:rows]), setting.directory, setting.against)
        lines += ["", "If it is meant to break, say why and until when:", "", _fenced(command)]
    return "\n".join(["### What to do", "", *lines])


def _without_accepting(hint: str) -> str:
    """How to mend it, without how to accept it: one command accepts all, at the end."""
    return "\n".join(line for line in hint.splitlines() if "trackway plan accept " not in line)


def _fenced(text: str) -> str:
    return f"```sh\n{one_line(text).replace('```', '')}\n```"


def _lines(hint: str) -> str:
    return "<br>".join(prose(line) for line in hint.splitlines())


def _not_run(parts: Sequence[Part]) -> str:
    skipped = [f"{part.name}: {prose(part.skipped)}" for part in parts if part.skipped]
    return f"<sub>Not run: {'; '.join(skipped)}.</sub>" if skipped else ""


def _more(found: Sequence[object], rows: int) -> list[str]:
    return ["", f"{len(found) - rows:,} more are left out here."] if len(found) > rows else []
