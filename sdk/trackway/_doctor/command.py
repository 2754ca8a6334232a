"""`trackway doctor`."""

from __future__ import annotations

import importlib
import logging
import shutil
import sys
import textwrap
from typing import Any, NoReturn

import click
import msgspec

from trackway._doctor.case import Case
from trackway._doctor.event import FINDER
from trackway._doctor.examine import CANNOT_READ, examine, exit_code
from trackway._doctor.findings import Finding, Status
from trackway._doctor.settings import read_settings
from trackway._errors import ConfigurationError

INDENT = " " * 21
_COLOURS = {Status.OK: "green", Status.NOTE: "yellow", Status.PROBLEM: "red", Status.SKIPPED: "bright_black"}


@click.command(epilog="Example: trackway doctor --host https://collect.example.com --plan releases/0003.json")
@click.option("--write-key", metavar="KEY", help="The source's write key; the variable keeps it out of process lists.")
@click.option("--host", metavar="URL", help="The collector [http://127.0.0.1:8077].")
@click.option("--plan", metavar="FILE", help="The release that the program checks its events against.")
@click.option("--source", metavar="NAME", help="The program's name among the plan's sources.")
@click.option(
    "--warehouse", metavar="URL", envvar="TRACKWAY_WAREHOUSE", help="Also wait for the event in these tables."
)
@click.option("--wait", "wait_s", metavar="SECONDS", default=30.0, help="How long to wait for that [30].")
@click.option("--timeout", "timeout_s", metavar="SECONDS", default=5.0, help="For each connection and answer [5].")
@click.option("--no-event", "send", flag_value=False, default=True, help="Send no test event.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", help="[text]")
def doctor(warehouse: str | None, wait_s: float, timeout_s: float, send: bool, form: str, **arguments: Any) -> None:
    """Try the way of an event: settings, network, key, clock, plan, and a test event to be found again.

    Settings come as for a tracker: from the options, else from TRACKWAY_ variables. Exit codes: 0 fine, 1 problems
    found, 2 usage, 3 the settings or the plan cannot be read, 4 no collector is reached.
    """
    if warehouse is not None:
        _check_warehouse(warehouse)
    try:
        options, origins, release = read_settings(arguments)
    except ConfigurationError as error:
        _cannot_read(error, form)
    logging.getLogger("trackway").setLevel(logging.CRITICAL)  # what the tracker would log, the findings say
    case = Case(options, origins, release, warehouse, send=send, timeout_s=timeout_s, wait_s=wait_s)
    findings = []
    for finding in examine(case):
        findings.append(finding)
        if form == "text":
            show(finding)
    code = exit_code(findings, reached=case.reached)
    if form == "json":
        checks = [_plain(finding) for finding in findings]
        click.echo(msgspec.json.format(msgspec.json.encode({"exit_code": code, "checks": checks}), indent=2))
    sys.exit(code)


def _check_warehouse(url: str) -> None:
    """Refuse a URL that nobody understands, and a missing extra, before anything is tried."""
    try:
        parse = importlib.import_module("trackway_collector.warehouse.url").WarehouseUrl.parse
        for name in (FINDER, "clickhouse_connect"):
            importlib.import_module(name)
    except ModuleNotFoundError as error:
        message = (
            f"--warehouse needs `{error.name}`, which is not installed.\n  Write: pip install 'trackway[collector]'"
        )
        raise click.UsageError(message) from error
    try:
        parse(url)
    except Exception as error:
        message = f"--warehouse: {error}"
        raise click.UsageError(message) from error


def show(finding: Finding) -> None:
    """Print a finding. It may hold a stranger's words: control characters are not for the terminal."""
    status = click.style(f"{finding.status:<8}", fg=_COLOURS[finding.status])
    click.echo(f"{status} {finding.check:<11} {_printable(finding.message)}")
    if finding.mend:
        # One line where another program reads it, to be searched.
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 10_000
        click.echo(textwrap.fill(_printable(finding.mend), width, initial_indent=INDENT, subsequent_indent=INDENT))


def _printable(text: str) -> str:
    return "".join(sign if sign.isprintable() or sign == "\n" else "?" for sign in text)


def _plain(finding: Finding) -> dict[str, object]:
    return {
        "check": finding.check,
        "status": finding.status.value,
        "message": finding.message,
        "mend": finding.mend,
        "facts": finding.facts,
    }


def _cannot_read(error: ConfigurationError, form: str) -> NoReturn:
    found = Finding("settings", Status.PROBLEM, str(error))
    if form == "json":
        content = {"exit_code": CANNOT_READ, "checks": [_plain(found)]}
        click.echo(msgspec.json.format(msgspec.json.encode(content), indent=2))
    else:
        click.echo(str(error), err=True)
    sys.exit(CANNOT_READ)
