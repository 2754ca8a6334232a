"""`trackway plan breaking`: what a change of the plan breaks, for whom, and how often it would really happen."""

from __future__ import annotations

import re
import sys
from datetime import date
from pathlib import Path

import click
import msgspec

from ..breaking import findings
from ..breaking.write_accepted import accept_command
from ..definitions import definitions_of
from ..evidence import EvidenceSource, EvidenceUnreachableError, open_evidence
from ..findings import Finding, Report, Severity
from .common import UNREACHABLE, directory_argument, fail_on_option, finish, format_option, loading
from .compare import History, against_option, definitions_option, named, open_pair, today_option

_DAYS = re.compile(r"([1-9]\d{0,3})d?")


@click.command()
@directory_argument
@against_option
@click.option("--evidence", metavar="DAYS", default=None, help="Ask stored events of so many days: 14d.")
@click.option(
    "--warehouse",
    envvar="TRACKWAY_WAREHOUSE",
    default=None,
    help="Where the events are stored (a URL).",
)
@click.option("--exclude-source", multiple=True, help="A source whose events do not count; may be given again.")
@click.option(
    "--minimum",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Fewer failing events of one source and revision than this count as none.",
)
@definitions_option
@today_option()
@fail_on_option()
@format_option
def breaking(
    directory: Path,
    against: str,
    evidence: str | None,
    warehouse: str | None,
    exclude_source: tuple[str, ...],
    minimum: int,
    definitions: Path | None,
    today: date,
    fail_on: Severity,
    form: str,
) -> None:
    """
    Say what the plan in DIR (tracking_plan unless given) breaks for those who know it as BASE.

    Each finding is for one audience: source (generated clients), ingest (clients that are out in the world), storage
    (columns) or query (definitions). Evidence makes an ingest error a warning where next to no stored event would
    fail; it never makes anything worse. What somebody accepted in accepted.yaml does not count.

    \b
    Example:
      trackway plan breaking --against origin/main --evidence 14d --warehouse clickhouse://localhost/trackway
    """
    with loading():
        before, after = open_pair(against, directory)
        history = History(directory)
        asked = definitions_of(directory, definitions) or None
    try:
        source = evidence_source(evidence, warehouse, exclude_source, minimum)
        with loading():
            found = findings(before, after, today=today, history=history, evidence=source, definitions=asked)
    except EvidenceUnreachableError as error:
        click.echo(f"{error}\n  Nothing was checked: this is not a finding-free result.", err=True)
        sys.exit(UNREACHABLE)
    said = f"evidence of {source.days} days" if source else "no evidence"
    facts = {"evidence": said, "definitions": len(asked or ())}
    told = tuple(_with_way_out(finding, against, directory) for finding in found)
    report = Report(verb="breaking", subject=f"{named(before, after)} ({said})", findings=told, facts=facts)
    finish(report, form, fail_on)


def _with_way_out(finding: Finding, against: str, directory: Path) -> Finding:
    """The finding with the command that accepts it, if it is an error that somebody may accept."""
    entry = finding.rule.startswith("accepted-")
    if entry or finding.accepted_until or finding.severity is not Severity.ERROR:
        return finding
    way_out = f"If it is meant: {accept_command([finding.fingerprint], directory, against)}"
    return msgspec.structs.replace(finding, hint=f"{finding.hint}\n{way_out}".lstrip())


def evidence_source(
    evidence: str | None, warehouse: str | None, exclude: tuple[str, ...], minimum: int
) -> EvidenceSource | None:
    """
    What `--evidence 14d --warehouse URL` asks, or None without `--evidence`.

    Raises:
        click.UsageError: no number of days, or no warehouse.
        EvidenceUnreachableError: the warehouse does not answer.
    """
    if evidence is None:
        return None
    match = _DAYS.fullmatch(evidence)
    if match is None:
        message = f"--evidence {evidence}: write a number of days, as in 14d."
        raise click.UsageError(message)
    if not warehouse:
        message = "--evidence needs to know where the events are: add --warehouse URL, or set TRACKWAY_WAREHOUSE."
        raise click.UsageError(message)
    return open_evidence(warehouse, int(match[1]), exclude, minimum)
