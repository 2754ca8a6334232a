"""What `diff`, `breaking` and `accept` share: which two revisions are compared, and with what beside them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import click

from ..loading.memo import Memo
from ..release import Release, released_files
from ..revisions.named import Revision, open_revision

_RANGE = re.compile(r"(.*[^./])\.\.([^./].*)")

against_option = click.option(
    "--against",
    required=True,
    metavar="BASE[..HEAD]",
    help="What to compare with: a Git ref, a release number or a directory. HEAD is DIR as it stands unless given.",
)

definitions_option = click.option(
    "--definitions",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    default=None,
    help="Where the definitions are; `definitions` in the plan's directory, else beside it, unless given.",
)


def today_option() -> Callable[[Any], Any]:
    """`--today`: the day that dates are compared with, for a check that must say the same tomorrow."""
    return click.option(
        "--today",
        type=click.DateTime(["%Y-%m-%d"]),
        default=None,
        callback=lambda ctx, parameter, value: value.date() if value else datetime.now(UTC).date(),
        help="Compare sunsets and acceptances with this day instead of today (UTC).",
    )


def open_pair(against: str, directory: Path) -> tuple[Revision, Revision]:
    """
    The two revisions that `--against` names.

    Raises:
        PlanError: one of them cannot be loaded.
    """
    match = None if Path(against).is_dir() else _RANGE.fullmatch(against)
    base, head = (match[1], match[2]) if match else (against, str(directory))
    memo = Memo()
    after = open_revision(head, directory, memo)
    return open_revision(base, directory, memo), after


def named(before: Revision, after: Revision) -> str:
    """`storefront: origin/main → tracking_plan`."""
    return f"{after.release.name}: {before.label} → {after.label}"


class History:
    """The older releases of a plan, the newest first; each is read when it is first needed."""

    def __init__(self, directory: Path) -> None:
        self._files = sorted(released_files(directory).items(), reverse=True)
        self._read: dict[int, Release] = {}

    def __len__(self) -> int:
        return len(self._files)

    def __iter__(self) -> Iterator[Release]:
        for rev, path in self._files:
            if rev not in self._read:
                self._read[rev] = Release.load(path)
            yield self._read[rev]


def day(text: str) -> date:
    """
    A day as people write it.

    Raises:
        click.BadParameter: it is none.
    """
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        message = f"{text!r} is not a day; write it as in 2026-12-31."
        raise click.BadParameter(message) from error
