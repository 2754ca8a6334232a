"""`trackway plan accept`: let a breaking finding pass, for a reason, until a day."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path

import click

from ..breaking import findings
from ..breaking.write_accepted import write_accepted
from ..definitions import definitions_of
from ..near import did_you_mean, listed
from .common import FINDINGS, loading
from .compare import History, against_option, day, definitions_option, open_pair, today_option


@click.command()
@click.argument("fingerprint", nargs=-1, required=True)
@click.option(
    "--dir",
    "directory",
    default="tracking_plan",
    show_default=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="The plan's directory.",
)
@against_option
@click.option("--reason", required=True, help="Why this may break what it breaks; for whoever reads it in a year.")
@click.option(
    "--until", required=True, callback=lambda ctx, parameter, value: day(value), help="The last day it counts."
)
@click.option("--author", default="", help="Who accepts it.")
@definitions_option
@today_option()
def accept(
    fingerprint: tuple[str, ...],
    directory: Path,
    against: str,
    reason: str,
    until: date,
    author: str,
    definitions: Path | None,
    today: date,
) -> None:
    """
    Write findings of `trackway plan breaking`, by their FINGERPRINTs, into accepted.yaml.

    The entry goes into the pull request that breaks something, so that a review sees it. It counts until its day, and
    an entry that no finding has is a finding itself. Comments in the file are kept.

    \b
    Example:
      trackway plan accept 3f9a1c04be77 --against origin/main --reason "web 4.2 is out" --until 2026-12-31
    """
    if until < today:
        message = f"{until} has passed; give a day to come."
        raise click.BadParameter(message, param_hint="--until")
    if not reason.strip():
        message = "say why."
        raise click.BadParameter(message, param_hint="--reason")
    with loading():
        before, after = open_pair(against, directory)
        asked = definitions_of(directory, definitions) or None
        found = {
            finding.fingerprint: finding
            for finding in findings(before, after, today=today, history=History(directory), definitions=asked)
        }
    unknown = [name for name in fingerprint if name not in found or found[name].rule.startswith("accepted-")]
    if unknown:
        for name in unknown:
            click.echo(
                f"`{name}` is the fingerprint of no finding against {against}.{did_you_mean(name, found)}", err=True
            )
        click.echo(f"  Findings there are: {listed(found) or 'none'}.", err=True)
        click.echo(f"  See them: trackway plan breaking {directory} --against {against} --format json", err=True)
        sys.exit(FINDINGS)
    path = directory / "accepted.yaml"
    chosen = [found[name] for name in dict.fromkeys(fingerprint)]
    with loading():
        write_accepted(path, chosen, reason, until, author)
    for finding in chosen:
        click.echo(f"{path}: {finding.fingerprint} ({finding.rule}) is accepted until {until}.")
