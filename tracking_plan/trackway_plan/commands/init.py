"""`trackway plan init`: a small plan to begin with."""

from __future__ import annotations

import sys
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

import click

from .common import UNLOADABLE


@click.command()
@click.option(
    "--into",
    "directory",
    metavar="DIR",
    default="tracking_plan",
    show_default=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Where to write it.",
)
def init(directory: Path) -> None:
    """
    Write a small tracking plan to begin with: two sources, one event, one group, what is known of a user.

    Nothing is overwritten: DIR must not be there, or be empty.

    \b
    Example:
      trackway plan init --into tracking_plan
    """
    starter = resources.files("trackway_plan") / "starter"
    try:
        if directory.exists() and any(directory.iterdir()):
            message = f"{directory}: there is something here already; nothing was written.\n  Name another: --into DIR."
            click.echo(message, err=True)
            sys.exit(UNLOADABLE)
        for name in _write(starter, directory, directory):
            click.echo(name)
    except OSError as error:
        click.echo(f"{directory}: the plan cannot be written: {error.strerror}.", err=True)
        sys.exit(UNLOADABLE)
    given = "" if directory == Path("tracking_plan") else f" {directory}"
    click.echo(
        f"\nNext, put your own events in {directory / 'events'}, one a file, and then:\n"
        f"  trackway plan validate{given}\n"
        f"  trackway plan lint{given}\n"
        f"  trackway plan release{given}"
    )


def _write(source: Traversable, target: Path, directory: Path) -> list[str]:
    """Copy the starter's files, and name them in order."""
    target.mkdir(parents=True, exist_ok=True)
    written = []
    for entry in sorted(source.iterdir(), key=lambda each: each.name):
        path = target / entry.name
        if entry.is_dir():
            written += _write(entry, path, directory)
            continue
        text = entry.read_text("utf-8")
        if entry.name == "README.md":
            text = text.replace("{directory}", directory.as_posix())
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
        written.append(str(path))
    return written
