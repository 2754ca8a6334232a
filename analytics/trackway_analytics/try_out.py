"""
`trackway try`: a file of events in an engine of its own, in a temporary directory, gone when the command
ends.

Columns are found by their names, and what was guessed is said. The file is read by ClickHouse's own readers,
so a gigabyte is no matter; times may be ISO 8601 or seconds, milliseconds or microseconds since 1970.
"""

from __future__ import annotations

import csv
import gzip
import io
import itertools
import json
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from trackway_analytics.errors import InputFileError, near
from trackway_analytics.events import Events
from trackway_analytics.queries.fragments import sql_file
from trackway_analytics.queries.unseen import event_names
from trackway_analytics.wording import counted

if TYPE_CHECKING:
    from trackway_collector.warehouse import Warehouse

# In order of preference; compared without case, blanks, dashes and underscores.
KNOWN_NAMES: dict[str, tuple[str, ...]] = {
    "user": (
        "user_id", "userid", "distinct_id", "person_id", "user_pseudo_id", "anonymous_id", "customer_id",
        "visitor_id", "client_id", "profile_id", "case_id", "user", "uid", "customer", "visitor", "person",
        "id",
    ),
    "event": (
        "event", "event_name", "eventname", "event_type", "action", "activity", "concept:name", "type",
        "name",
    ),
    "time": (
        "timestamp", "time", "event_timestamp", "event_time", "ts", "datetime", "date_time", "created_at",
        "occurred_at", "time:timestamp", "received_at", "date",
    ),
}  # fmt: skip
USUAL_STEPS = 4
CSV = "CSVWithNames"
_MAX_HEAD_BYTES = 1 << 20


@dataclass(frozen=True)
class LoadedFile:
    """A file's events, to be asked; `said` is what to tell the user about how they were read."""

    events: Events
    said: str

    def names(self) -> dict[str, int]:
        """Return the events' names and how often each occurs, the most frequent first."""
        return event_names(self.events.warehouse)

    def usual_steps(self) -> list[str]:
        """Return the events that most users have, in the order in which users usually first do them."""
        rows = self.events.warehouse.query(sql_file("usual_steps"), {"steps": USUAL_STEPS}).rows
        return [name for (name,) in rows]

    def check_events(self, steps: list[str]) -> None:
        """
        Raise if a step is no event of the file.

        Raises:
            InputFileError: names the step, near matches and the events there are.
        """
        known = self.names()
        for name in steps:
            if name not in known:
                shown = ", ".join(itertools.islice(known, 20))
                message = f"The file has no event `{name}`.{near(name, known)}\n  Its events: {shown}."
                raise InputFileError(message)


@contextmanager
def load_file(path: Path, *, user: str | None, event: str | None, time: str | None) -> Iterator[LoadedFile]:
    """
    Yield the events of a CSV or JSON-lines file (also `.gz`), in an engine that is gone when the block ends.

    Raises:
        InputFileError: the file is no such file, lacks a column, or has a row without a time or user.
    """
    from trackway_collector.warehouse import open_warehouse

    layout = FileLayout.of(path, user=user, event=event, time=time)
    with ExitStack() as ends:
        directory = ends.enter_context(tempfile.TemporaryDirectory(prefix="trackway-try-"))
        warehouse = open_warehouse(f"chdb://{directory}/chdb", owner=True)
        ends.callback(warehouse.close)
        yield layout.load_into(warehouse)


@dataclass(frozen=True)
class FileLayout:
    """
    How a file is to be read: its format, the columns of user, event and time, and which of them were guessed.
    """

    path: Path
    format_: str
    columns: dict[str, str]
    guessed: frozenset[str]

    @classmethod
    def of(cls, path: Path, *, user: str | None, event: str | None, time: str | None) -> FileLayout:
        """
        Return the layout of the file, from its first line and the columns that were named.

        Raises:
            InputFileError: as `load_file`.
        """
        format_, columns = _columns(path)
        given = {"user": user, "event": event, "time": time}
        chosen = {role: _column(role, name, columns, path) for role, name in given.items()}
        return cls(path, format_, chosen, frozenset(role for role, name in given.items() if name is None))

    def load_into(self, warehouse: Warehouse) -> LoadedFile:
        """
        Load the file into an embedded warehouse without tables.

        Raises:
            InputFileError: as `load_file`.
        """
        from trackway_collector.warehouse import Name, Terminal, migrate

        warehouse.create_database()
        migrate(warehouse)
        names = {role: Name(column) for role, column in self.columns.items()}
        params = {"file": str(self.path.resolve()), "format": self.format_, **names}
        try:
            self._check_rows(warehouse.query(sql_file("try_check"), params).rows[0])
            warehouse.command(sql_file("try_load"), params)
        except Terminal as error:
            ragged = _ragged_row(self.path) if self.format_ == CSV else None
            message = ragged or f"{self.path} cannot be read as {self.format_}: {str(error)[:1000]}"
            raise InputFileError(message) from None
        count, users = warehouse.query(sql_file("try_count")).rows[0]
        roles = ", ".join(
            f"{role} = `{column}`{' (guessed)' if role in self.guessed else ''}"
            for role, column in self.columns.items()
        )
        said = f"{self.path.name}: {counted(count, 'event')} of {counted(users, 'user')}; {roles}. Nothing is kept."
        return LoadedFile(Events(warehouse, environment=""), said)

    def _check_rows(self, counted: tuple[int, int, int, int, str]) -> None:
        rows, without_user, without_event, without_time, example = counted
        if not rows:
            message = f"{self.path} has no rows."
            raise InputFileError(message)
        if without_time:
            message = (
                f"{self.path}: in {without_time:,} of {rows:,} rows column `{self.columns['time']}` is no"
                f" time, for example {example!r}.\n"
                "  Known: ISO 8601 (2026-03-01T12:00:00Z); seconds, milli- or microseconds since 1970.\n"
                "  Write --time COLUMN if another column has the time."
            )
            raise InputFileError(message)
        for role, count in (("user", without_user), ("event", without_event)):
            if count:
                column = self.columns[role]
                message = f"{self.path}: in {count:,} of {rows:,} rows column `{column}`, the {role}, is empty."
                raise InputFileError(message)


def _columns(path: Path) -> tuple[str, list[str]]:
    """ClickHouse's name of the file's format, and its columns."""
    try:
        with _opened(path) as file:
            head = file.read(_MAX_HEAD_BYTES)
    except (OSError, EOFError) as error:
        message = f"{path} cannot be read: {error}."
        raise InputFileError(message) from None
    if b"\0" in head:
        message = f"{path} is not text. Save it as CSV, or as JSON lines (one object a line)."
        raise InputFileError(message)
    first, _, rest = head.decode("utf-8-sig", errors="replace").partition("\n")
    if not first.strip():
        message = f"{path} is empty, or begins with an empty line."
        raise InputFileError(message)
    if first.lstrip().startswith(("{", "[")):
        try:
            record = json.loads(first)
        except ValueError:
            record = None
        if not isinstance(record, dict):
            message = f"{path}:1 is not a JSON object. Write JSON lines: one object a line."
            raise InputFileError(message)
        return "JSONEachRow", list(record)
    columns = next(csv.reader([first.rstrip("\r")]))
    if len(columns) < 3:
        separators = {";": "semicolons", "\t": "tabs", "|": "bars"}
        other = next((word for mark, word in separators.items() if first.count(mark) >= 2), "")
        cure = (
            f"It seems to be separated by {other}; write commas." if other else "It needs a user, an event and a time."
        )
        message = f"{path}:1: the header has {len(columns)} column(s): {first.strip()[:200]!r}. {cure}"
        raise InputFileError(message)
    if not rest.strip():
        message = f"{path} has a header and no rows."
        raise InputFileError(message)
    return CSV, columns


def _ragged_row(path: Path) -> str | None:
    """What is wrong with the first row that has more or fewer columns than the header, and where; None without one."""
    with io.TextIOWrapper(_opened(path), encoding="utf-8-sig", errors="replace", newline="") as text:
        rows = csv.reader(text)
        expected, line = len(next(rows)), rows.line_num + 1
        try:
            for row in rows:
                if row and len(row) != expected:
                    found, begin = counted(len(row), "column"), ",".join(row)[:100]
                    return (
                        f"{path}:{line}: this row has {found}, the header has {expected}: {begin!r}\n"
                        "  Write a value for each column of the header, nothing between two commas where there is none,"
                        '\n  and quotes around a value that holds a comma: "Tea, green".'
                    )
                line = rows.line_num + 1
        except (csv.Error, OSError, EOFError):
            return None
    return None


def _opened(path: Path) -> IO[bytes]:
    return gzip.open(path) if path.suffix == ".gz" else path.open("rb")  # type: ignore[return-value]


def _column(role: str, given: str | None, columns: list[str], path: Path) -> str:
    """The column that plays `role`: the one given, or the best known name."""
    if given is not None:
        if given not in columns:
            message = f"{path} has no column `{given}`.{near(given, columns)}\n  Its columns: {', '.join(columns)}."
            raise InputFileError(message)
        return given
    plain_names = {_plain(column): column for column in reversed(columns)}
    for name in KNOWN_NAMES[role]:
        if _plain(name) in plain_names:
            return plain_names[_plain(name)]
    message = (
        f"{path}: cannot tell which column is the {role}.\n"
        f"  Its columns: {', '.join(columns)}.\n  Write --{role} COLUMN."
    )
    raise InputFileError(message)


def _plain(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "").replace(" ", "")
