"""`trackway plan docs`: the plan as a site of one file."""

from __future__ import annotations

import importlib
from pathlib import Path
from urllib.parse import urlsplit

import click

from ..definitions import definitions_of
from ..docs_site import Volumes, contents, page
from ..loading.plan import load_plan
from ..release import Release, released_files
from .common import directory_argument, loading
from .compare import definitions_option

COUNTER = "trackway_analytics.plan_data.volumes:volumes_at"
"""What counts stored events: it needs the analytics package, which this one must not import."""


def _http(ctx: click.Context, parameter: click.Parameter, value: str) -> str:
    if value and (urlsplit(value).scheme not in ("http", "https") or not urlsplit(value).netloc):
        message = f"`{value}` is no address of the web; write https://…"
        raise click.BadParameter(message, ctx, parameter)
    return value


@click.command()
@directory_argument
@click.option("--out", type=click.Path(path_type=Path), default="plan.html", show_default=True,
              help="The file to write, or a directory for index.html.")  # fmt: skip
@definitions_option
@click.option("--warehouse", metavar="URL", help="Ask this warehouse how often each event arrived.")
@click.option("--days", type=click.IntRange(1), default=30, show_default=True, help="Over so many days.")
@click.option("--source-url", default="", metavar="URL", callback=_http,
              help="Where the plan's directory is shown, such as https://github.com/…/tracking_plan.")  # fmt: skip
def docs(
    directory: Path, out: Path, definitions: Path | None, warehouse: str | None, days: int, source_url: str
) -> None:
    """
    Write the plan in DIR (tracking_plan unless given) as a site for people: one HTML file that needs no network.

    It has every event with its properties, rules, examples, history and the definitions that rest on it, and a search
    over all of them. Without --warehouse the same plan gives the same bytes.

    \b
    Example:
      trackway plan docs tracking_plan --out site/plan.html
    """
    with loading():
        plan = load_plan(directory)
        releases = [Release.load(path) for path in released_files(directory).values()]
        found = definitions_of(directory, definitions)
    volumes = _volumes(warehouse, days) if warehouse else None
    text = page(contents(plan, releases, found, volumes=volumes, directory=directory, source_url=source_url))
    path = out if out.suffix.lower() in (".html", ".htm") and not out.is_dir() else out / "index.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")
    events = "1 event" if len(plan.events) == 1 else f"{len(plan.events):,} events"
    click.echo(f"{path}: {plan.name}, {events}, {len(text.encode()):,} bytes.")


def _volumes(url: str, days: int) -> Volumes:
    module, _, name = COUNTER.partition(":")
    try:
        counter = getattr(importlib.import_module(module), name)
    except ImportError as error:
        message = f"--warehouse needs the analytics package ({error}): pip install 'trackway[analytics]'."
        raise click.UsageError(message) from error
    volumes = counter(url, days)
    assert isinstance(volumes, Volumes)  # noqa: S101
    return volumes
