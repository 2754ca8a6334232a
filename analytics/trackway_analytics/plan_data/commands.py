"""`trackway plan infer` and `trackway plan drift`: the verbs that ask the data about the plan."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click

from trackway_analytics.plan_data.opening import USAGE, asking, warehouse_options
from trackway_plan.commands.common import loading

MINIMUM = 20


@click.command()
@click.option("--since", default="30d", show_default=True, metavar="TIME",
              help="Events received from then on: 30d, or a date or time (ISO 8601).")  # fmt: skip
@click.option("--into", type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
              help="A new or empty folder for the draft. Default: print it.")  # fmt: skip
@click.option("--name", default="inferred", show_default=True, help="The plan's name.")
@click.option("--event", "events", multiple=True, metavar="NAME", help="Only this event; repeat for several.")
@click.option("--exclude-source", "excluded", multiple=True, metavar="NAME", help="Without events of this source.")
@click.option("--minimum", type=click.IntRange(1), default=MINIMUM, show_default=True,
              help="Leave out events that came less often.")  # fmt: skip
@click.option("--sample", type=click.IntRange(100), default=10_000, show_default=True,
              help="Events of one name to look at.")  # fmt: skip
@warehouse_options
def infer(
    url: str | None,
    data_dir: Path | None,
    since: str,
    into: Path | None,
    name: str,
    events: tuple[str, ...],
    excluded: tuple[str, ...],
    minimum: int,
    sample: int,
) -> None:
    """
    Draft a plan from the events that were received, each guess with its reasons and how sure it is.

    Nothing is overwritten, nothing is called free of personal data, and no value is printed that fewer than five
    people sent or that a detector of personal data knows.

    \b
    Example:
      trackway plan infer --since 30d --into draft_plan
    """
    from trackway_analytics.plan_data.infer import infer as draft_from
    from trackway_analytics.plan_data.stored import Window

    now = datetime.now(UTC)
    with _usage():
        window = Window(_start(since, now), now, tuple(sorted(excluded)))
    with loading(), asking(url, data_dir) as warehouse:
        draft = draft_from(warehouse, window, name=name, events=events, minimum=minimum, sample=sample)
        if into is not None:
            draft.write(into)
        else:
            for path, text in draft.files.items():
                click.echo(f"# ── {path}\n{text}")
    told = f"{into or 'draft'}: {len(draft.plan.events):,} events from {draft.events:,} received"
    for count, what in ((draft.rare, f"with fewer than {minimum}"), (draft.hidden, "named like personal data")):
        told += f"; {count:,} {what} left out" if count else ""
    click.echo(f"{told}.", err=True)
    for event, path in draft.suspects:
        click.echo(f"  suspect: `{path}` of `{event}` holds what looks like personal data.", err=True)


def _start(text: str, now: datetime) -> datetime:
    """`30d` ago, or a date or time."""
    from zoneinfo import ZoneInfo

    from trackway_analytics.errors import QuestionError
    from trackway_analytics.times import duration, moment

    try:
        return now - duration("--since", text)
    except QuestionError:
        return moment("--since", text, ZoneInfo("UTC"))


@contextmanager
def _usage() -> Iterator[None]:
    """Turn an option that makes no sense into its message and exit code 2."""
    from trackway_analytics.errors import QuestionError

    try:
        yield
    except QuestionError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(USAGE)
