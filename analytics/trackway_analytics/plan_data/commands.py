"""`trackway plan infer` and `trackway plan drift`: the verbs that ask the data about the plan."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trackway_analytics.plan_data.opening import USAGE, asking, warehouse_options
from trackway_collector.command_settings import environment_option
from trackway_plan import compile_release, load_plan
from trackway_plan.commands.common import (
    FINDINGS,
    directory_argument,
    fail_on_option,
    format_option,
    loading,
)
from trackway_plan.findings import Report, Severity
from trackway_plan.release import released_files
from trackway_plan.reports import render

if TYPE_CHECKING:
    from trackway_analytics.plan_data.stored import Window

MINIMUM = 20


@click.command()
@click.option("--since", default="30d", show_default=True, metavar="TIME",
              help="Events received from then on: 30d, or a date or time (ISO 8601).")  # fmt: skip
@click.option("--into", type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
              help="A new or empty folder for the draft. Default: print it.")  # fmt: skip
@click.option("--name", default="inferred", show_default=True, help="The plan's name.")
@click.option("--event", "events", multiple=True, metavar="NAME", help="Only this event; repeat for several.")
@click.option("--exclude-source", "excluded", multiple=True, metavar="NAME", help="Without events of this source.")
@environment_option
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
    environment: str,
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
        window = Window(_start(since, now), now, tuple(sorted(excluded)), environment)
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


@click.command()
@directory_argument
@click.option("--window", default="7d", show_default=True, metavar="LENGTH", help="How far back to look, up to now.")
@click.option("--baseline", metavar="LENGTH|FROM..TO",
              help="What to compare with: so long before the window, or two times. Default: as long.")  # fmt: skip
@click.option("--exclude-source", "excluded", multiple=True, metavar="NAME", help="Without events of this source.")
@environment_option
@click.option("--minimum", type=click.IntRange(1), default=100, show_default=True,
              help="People that a comparison needs in each window.")  # fmt: skip
@click.option("--sample", type=click.IntRange(100), default=10_000, show_default=True,
              help="Events of one name to look at in each window.")  # fmt: skip
@warehouse_options
@format_option
@fail_on_option(Severity.WARN)
def drift(
    directory: Path,
    url: str | None,
    data_dir: Path | None,
    window: str,
    baseline: str | None,
    excluded: tuple[str, ...],
    environment: str,
    minimum: int,
    sample: int,
    form: str,
    fail_on: Severity,
) -> None:
    """
    Compare what arrives with the plan in DIR (tracking_plan unless given), and with what arrived before.

    Reports departures from the plan, changes that chance does not explain, and properties that hold personal data
    (where, never the value); ends in a patch of the plan to paste.

    \b
    Example:
      trackway plan drift tracking_plan --window 7d
    """
    from trackway_analytics.plan_data.drift import Compared
    from trackway_analytics.plan_data.drift import drift as look_for_drift
    from trackway_analytics.plan_data.stored import Window
    from trackway_analytics.times import duration

    with _usage():
        length = duration("--window", window)
        current = Window.last(length, excluded, environment=environment)
        earlier = _baseline(baseline, current, current.before(length))
    with loading():
        plan = load_plan(directory)
        release = compile_release(plan, max(released_files(directory), default=0) + 1)
    with asking(url, data_dir) as warehouse:
        compared = Compared(release, plan.places, current, earlier, minimum)
        subject = f"{release.name}: {current.since:%Y-%m-%d %H:%M} to {current.until:%Y-%m-%d %H:%M} UTC"
        report = look_for_drift(warehouse, compared, sample=sample, subject=subject)
    click.echo(render(report, form), nl=False)
    if form == "text":
        click.echo(_closing(report), nl=False)
    elif form == "markdown" and report.facts["patch"]:
        click.echo(f"\n#### Suggested patch of the plan\n\n```yaml\n{_patch(report)}```")
    sys.exit(FINDINGS if report.failing(fail_on) else 0)


def _baseline(text: str | None, current: Window, default: Window) -> Window:
    """`14d` before the window, or `2026-11-01..2026-11-08`."""
    from zoneinfo import ZoneInfo

    from trackway_analytics.plan_data.stored import Window
    from trackway_analytics.times import duration, moment

    if text is None:
        return default
    if ".." not in text:
        return current.before(duration("--baseline", text))
    since, _, until = text.partition("..")
    zone = ZoneInfo("UTC")
    begin, end = moment("--baseline", since, zone), moment("--baseline", until, zone)
    return Window(begin, end, current.excluded, current.environment)


def _closing(report: Report) -> str:
    """What a text report ends in: what was compared, and the patch."""
    facts = report.facts
    lines = []
    if not facts["events"]:
        lines.append("No events were received in the window.")
    elif not facts["baseline_events"]:
        lines.append("No events were received in the window before, so there was nothing to compare with.")
    else:
        lines.append(f"{facts['comparisons']:,} comparisons with the window before, corrected together.")
    if facts["patch"]:
        lines += ["", "# Suggested patch of the plan. Take over what is meant; mend the sender of what is not."]
    return "\n".join(lines) + "\n" + _patch(report)


def _patch(report: Report) -> str:
    """The suggested YAML, a file at a time."""
    return "\n".join(f"# ── {file}\n{text}" for file, text in report.facts["patch"].items())
