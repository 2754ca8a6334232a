"""
`trackway query funnel|paths|retention|attribution|run|sql` and `trackway try FILE`.

Exit codes: 0 fine, 2 the question or an option makes no sense, 3 a file cannot be read (events, a definition), 4 the
warehouse does not answer.
"""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from trackway_analytics.answer import Answer, plain
from trackway_analytics.errors import InputFileError, QuestionError
from trackway_analytics.events import Events, connect
from trackway_analytics.queries.attribution import MODELS
from trackway_analytics.queries.unseen import unseen_events
from trackway_collector.command_settings import environment_option
from trackway_collector.errors import ConfigError
from trackway_collector.warehouse import Transient, WarehouseError, WarehouseUrlError
from trackway_plan import PlanError

FORMATS = ("table", "json", "csv", "html")


@contextmanager
def _exit_codes() -> Iterator[None]:
    """Turn what can go wrong into a message on standard error and the exit code that belongs to it."""
    try:
        yield
    except (QuestionError, ConfigError, WarehouseUrlError) as error:
        code, message = 2, str(error)
    except (InputFileError, PlanError) as error:
        code, message = 3, str(error)
    except WarehouseError as error:
        # A statement that the warehouse refuses is the asker's; silence is the warehouse's.
        code, message = (4 if isinstance(error, Transient) else 2), f"The warehouse says: {error}"
    else:
        return
    click.echo(f"Error: {message}", err=True)
    sys.exit(code)


def _common(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that every question has."""
    for option in reversed(
        (
            click.option("--since", metavar="TIME", help="Events from this date or time on (ISO 8601)."),
            click.option("--until", metavar="TIME", help="Events before this date or time."),
            click.option("--source", multiple=True, metavar="NAME", help="Events of this source; repeat for several."),
            environment_option,
            click.option("--where", metavar="CONDITION", help="""Events like these, e.g. 'platform = "ios"'."""),
            *_output,
        )
    ):
        command = option(command)
    return command


_output = (
    click.option("--tz", default="UTC", show_default=True, metavar="ZONE", help="Time zone of dates and periods."),
    click.option("--warehouse", metavar="URL", help="Default: TRACKWAY_WAREHOUSE, else the local store."),
    click.option("--format", "format_", type=click.Choice(FORMATS), default="table", show_default=True),
)


def _output_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that say where to ask and how to print."""
    for option in reversed(_output):
        command = option(command)
    return command


@click.group()
def query() -> None:
    """Ask about your events: funnel, paths, retention, attribution, a definition, or SQL."""


@query.command(epilog="""Example: trackway query funnel cart shipping_details purchase --unit session --within 1d""")
@click.argument("steps", nargs=-1, required=True, metavar="EVENT EVENT…")
@click.option("--within", default="7d", show_default=True, help="From the first step to each later one; or 'none'.")
@click.option("--entry", type=click.Choice(("first", "any")), default="first", show_default=True,
              help="Follow the first entry only, or count the furthest attempt.")  # fmt: skip
@click.option("--unit", type=click.Choice(("user", "session")), default="user", show_default=True)
@click.option("--breakdown", metavar="NAME", help="Split by this property or column at the first step.")
@click.option("--top", type=int, default=10, show_default=True, help="Values of the breakdown to tell apart.")
@_common
def funnel(steps: tuple[str, ...], within: str, **options: Any) -> None:
    """How many did the EVENTs in this order. An EVENT may be several: cart|wishlist."""
    from trackway_analytics.steps import step

    _ask(
        lambda events, scope: events.funnel(
            *(step(*names.split("|")) for names in steps),
            within=_optional(within),
            **_picked(options, "entry", "unit", "breakdown", "top"),
            **scope,
        ),
        options,
    )


@query.command(epilog="Example: trackway query paths --start cart --steps 4")
@click.option("--start", multiple=True, metavar="EVENT", help="From the first of this event on; repeat for several.")
@click.option("--end", multiple=True, metavar="EVENT", help="Back from the first of this event.")
@click.option("--steps", type=int, default=5, show_default=True, help="Columns, the start or end among them.")
@click.option("--unit", type=click.Choice(("user", "session")), default="session", show_default=True)
@click.option("--collapse/--no-collapse", default=True, show_default=True, help="Count repeats of an event as one.")
@click.option("--exclude", multiple=True, metavar="EVENT", help="Look past this event; repeat for several.")
@click.option("--top", type=int, default=8, show_default=True, help="Events to tell apart in a column.")
@_common
def paths(start: tuple[str, ...], end: tuple[str, ...], exclude: tuple[str, ...], **options: Any) -> None:
    """What people did next, or before; every column adds up."""
    from trackway_analytics.queries.paths import NOT_BEHAVIOUR

    _ask(
        lambda events, scope: events.paths(
            start=start or None,
            end=end or None,
            exclude=(*NOT_BEHAVIOUR, *exclude),
            **_picked(options, "steps", "unit", "collapse", "top"),
            **scope,
        ),
        options,
    )


@query.command(epilog="Example: trackway query retention --start signup --period week --periods 8")
@click.option("--start", multiple=True, metavar="EVENT", help="Starts a user; repeat for any of several. Default: any.")
@click.option("--return", "return_", multiple=True, metavar="EVENT", help="Counts as coming back. Default: any event.")
@click.option("--period", type=click.Choice(("hour", "day", "week", "month")), default="week", show_default=True)
@click.option("--periods", type=int, default=8, show_default=True, help="How many periods to look ahead.")
@click.option("--first", type=click.Choice(("ever", "range", "recurring")), default="ever", show_default=True,
              help="Which start counts: the first ever, the first since --since, or each.")  # fmt: skip
@click.option("--mode", type=click.Choice(("on", "on_or_after")), default="on", show_default=True)
@click.option("--week-start", type=click.Choice(("monday", "sunday")), default="monday", show_default=True)
@_common
def retention(start: tuple[str, ...], return_: tuple[str, ...], **options: Any) -> None:
    """How many of each cohort came back, period by period."""
    _ask(
        lambda events, scope: events.retention(
            start=start or None,
            return_=return_ or None,
            **_picked(options, "period", "periods", "first", "mode", "week_start"),
            **scope,
        ),
        options,
    )


@query.command(epilog="Example: trackway query attribution --conversion purchase --channel campaign_source")
@click.option("--conversion", multiple=True, required=True, metavar="EVENT", help="Repeat for any of several.")
@click.option("--touch", multiple=True, metavar="EVENT", help="Default: every event that has the channel.")
@click.option("--channel", default="campaign_source", show_default=True, metavar="NAME", help="Property or column.")
@click.option("--model", "models", multiple=True, type=click.Choice(MODELS), help="Repeat for several. Default: all.")
@click.option("--lookback", default="30d", show_default=True, help="Touches this long before count; or 'none'.")
@click.option("--half-life", default="7d", show_default=True, help="Of a touch under time_decay.")
@click.option("--value", metavar="NAME", help="A property of the conversion to credit too, such as its price.")
@_common
def attribution(
    conversion: tuple[str, ...],
    touch: tuple[str, ...],
    models: tuple[str, ...],
    lookback: str,
    **options: Any,
) -> None:
    """Which channels the conversions are credited to, by each model."""
    _ask(
        lambda events, scope: events.attribution(
            conversion=conversion,
            touch=touch or None,
            models=models or MODELS,
            lookback=_optional(lookback),
            **_picked(options, "channel", "half_life", "value"),
            **scope,
        ),
        options,
    )


@query.command(epilog="""Example: trackway query sql 'SELECT event, count() FROM events GROUP BY event'""")
@click.argument("statement")
@click.option("--param", "params", multiple=True, metavar="NAME=VALUE", help="For a {NAME:Type} in the statement.")
@click.option("--warehouse", metavar="URL", help="Default: TRACKWAY_WAREHOUSE, else the local store.")
@click.option("--format", "format_", type=click.Choice(("table", "json", "csv")), default="table", show_default=True)
def sql(statement: str, params: tuple[str, ...], warehouse: str | None, format_: str) -> None:
    """Run a SELECT of your own, over all environments; the tables are events, quarantine and loads."""
    with _exit_codes(), connect(warehouse) as events:
        bound = dict(_parameter(text) for text in params)
        result = events.warehouse.query(statement, bound)
        rows = [[plain(value) for value in row] for row in result.rows]
        if format_ == "json":
            click.echo(json.dumps([dict(zip(result.columns, row, strict=True)) for row in rows], ensure_ascii=False))
        elif format_ == "csv":
            _echo_csv(result.columns, rows)
        else:
            from rich.markup import escape
            from rich.table import Table

            shown = Table(*(escape(name) for name in result.columns))
            for row in rows:
                shown.add_row(*(escape("" if value is None else str(value)) for value in row))
            _print(shown)


@query.command(epilog="Example: trackway query run checkout")
@click.argument("name")
@click.option("--definitions", metavar="DIR", type=click.Path(path_type=Path, file_okay=False),
              help="Where the definitions are; tracking_plan/definitions, else definitions, unless given.")  # fmt: skip
@environment_option
@_output_options
def run(name: str, definitions: Path | None, format_: str, **options: Any) -> None:
    """Ask the question that the definition NAME holds; where it names an environment, that one counts."""
    from trackway_analytics.definitions import ask, named
    from trackway_plan.definitions import definitions_directory

    with _exit_codes():
        definition = named(name, definitions or definitions_directory(Path("tracking_plan")))
        with _connected(options) as events:
            _show(ask(events, definition), format_)


@click.command("try", epilog="Example: trackway try events.csv --steps signup,activate,pay")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--user", metavar="COLUMN", help="Who did it. Default: guessed by name.")
@click.option("--event", metavar="COLUMN", help="What they did. Default: guessed by name.")
@click.option("--time", metavar="COLUMN", help="When they did it. Default: guessed by name.")
@click.option("--steps", metavar="A,B,C", help="The funnel's events. Default: the most frequent, in order of time.")
@click.option("--within", default="none", show_default=True, help="From the first step to each later one, e.g. 7d.")
@click.option("--entry", type=click.Choice(("first", "any")), default="first", show_default=True)
@click.option("--format", "format_", type=click.Choice(FORMATS), default="table", show_default=True)
def try_file(
    file: Path,
    user: str | None,
    event: str | None,
    time: str | None,
    steps: str | None,
    within: str,
    entry: Any,
    format_: str,
) -> None:
    """A funnel on FILE (CSV, or JSON lines): no plan, no set-up, nothing kept."""
    from trackway_analytics.try_out import load_file

    with _exit_codes(), load_file(file, user=user, event=event, time=time) as loaded:
        click.echo(loaded.said, err=True)
        chosen = [name.strip() for name in steps.split(",")] if steps else loaded.usual_steps()
        loaded.check_events(chosen)
        _show(loaded.events.funnel(*chosen, within=_optional(within), entry=entry), format_)


def _connected(options: dict[str, Any]) -> Events:
    return connect(options["warehouse"], environment=options["environment"], tz=options["tz"])


def _ask(question: Callable[[Events, dict[str, Any]], Answer[Any]], options: dict[str, Any]) -> None:
    with _exit_codes(), _connected(options) as events:
        scope = _picked(options, "since", "until", "where") | {"source": options["source"] or None}
        answer = question(events, scope)
        for warning in unseen_events(events.warehouse, answer.question.named_events, answer.question.scope):
            click.echo(f"Warning: {warning}", err=True)
        _show(answer, options["format_"])


def _picked(options: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: options[name] for name in names}


def _optional(text: str) -> str | None:
    return None if text.lower() == "none" else text


def _parameter(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        message = f"--param {text!r} is not NAME=VALUE."
        raise QuestionError(message)
    return name, value


def _show(answer: Answer[Any], format_: str) -> None:
    if format_ == "json":
        click.echo(answer.to_json())
    elif format_ == "html":
        click.echo(answer.to_html())
    elif format_ == "csv":
        frame = answer.df
        _echo_csv([str(name) for name in frame.columns], [[plain(v) for v in row] for row in frame.to_numpy()])
    else:
        # The meaning stands below, over the whole width: as a caption it would be as narrow as the table.
        table = answer.table()
        table.caption = None
        _print(table, answer.semantics)


def _echo_csv(columns: Any, rows: list[list[Any]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([["" if value is None else value for value in row] for row in rows])
    click.echo(text.getvalue(), nl=False)


def _print(table: Any, meaning: str = "") -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console()
    console.print(table)
    if meaning:
        console.print(Text(meaning, style="dim"))
