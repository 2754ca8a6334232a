"""`trackway plan generate`: typed clients of the plan, or whether those in the repository are up to date."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from ..findings import Report, Severity
from ..generate import Client, check, client_files, clients_of, write_atomically
from ..generate.files import RULES
from ..loading.plan import load_plan
from ..model import LANGUAGES, ClientFile, Plan
from .common import UNLOADABLE, directory_argument, fail_on_option, finish, format_option, loading


@click.command()
@directory_argument
@click.option("--language", type=click.Choice(LANGUAGES), help="What to generate, with --out.")
@click.option("--out", metavar="PATH", type=click.Path(path_type=Path, dir_okay=False), help="The file to write.")
@click.option("--source", default="", help="Only the events that this source may send, with --out.")
@click.option("--release", "number", type=click.IntRange(1), metavar="N", help="Generate from release N.")
@click.option("--check", "only_check", is_flag=True, help="Write nothing; exit 1 if a client is not up to date.")
@format_option
@fail_on_option()
def generate(
    directory: Path,
    language: str | None,
    out: Path | None,
    source: str,
    number: int | None,
    only_check: bool,
    form: str,
    fail_on: Severity,
) -> None:
    """
    Write the typed clients that `generate:` of plan.yaml lists, or the one that --language and --out name.

    A client has a function for each event that is in use; deprecated ones are marked, retired ones left out.
    It goes through the normal tracker, so that the verdict on an event is the same.

    \b
    Example:
      trackway plan generate --language python --out app/tracking.py
    """
    with loading():
        plan = load_plan(directory)
        clients = _clients(plan, directory, language, out, source, number)
        if only_check:
            findings = tuple(check(directory, clients))
            report = Report(verb="generate", subject=_subject(plan, clients), findings=findings, rules=RULES)
            finish(report, form, fail_on)
        texts = list(client_files(plan, directory, clients))
    for client, text in texts:
        try:
            written = write_atomically(client.path, text)
        except OSError as error:
            click.echo(f"{client.path} cannot be written: {error.strerror}.", err=True)
            sys.exit(UNLOADABLE)
        click.echo(f"{client.path}: {'written' if written else 'up to date'}.")


def _clients(
    plan: Plan, directory: Path, language: str | None, out: Path | None, source: str, number: int | None
) -> list[Client]:
    if (language is None) != (out is None):
        message = "--language and --out go together."
        raise click.UsageError(message)
    if language is not None and out is not None:
        if source and source not in plan.sources:
            message = f"the plan has no source `{source}`. It has: {', '.join(plan.sources) or 'none'}."
            raise click.BadParameter(message, param_hint="--source")
        return [Client(ClientFile(language=language, out=str(out), source=source, release=number or 0), out)]
    if number or source:
        message = "--release and --source go with --language and --out; plan.yaml says them for the clients it lists."
        raise click.UsageError(message)
    listed = clients_of(plan, directory)
    if not listed:
        message = (
            "plan.yaml lists no clients. Write `generate: [{language: python, out: ../app/tracking.py}]`, "
            "or give --language and --out."
        )
        raise click.UsageError(message)
    return listed


def _subject(plan: Plan, clients: list[Client]) -> str:
    return f"{plan.name}: {len(clients)} {'client' if len(clients) == 1 else 'clients'}"
