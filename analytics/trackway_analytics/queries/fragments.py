"""
The pieces of SQL that vary from question to question, and how they get into the `.sql` files.

A file is complete SQL in which `__name__` stands where a piece goes. `render` puts the pieces in; a piece is
made of our own text and of `{name:Type}` placeholders, never of a value. The slots are:

* `__filter__`       1 for the events of the question's environment that satisfy its `where`
* `__event_mark__`, `__event_value__`   what one event is to the question (`timelines.py`)
* `__gather__`       an aggregate: the unit's events as one sorted array
* `__at__`, `__mark__`, `__values__`, `__ambiguous__`   what its elements `x` hold
* `__…_event__`      1 for the events of a step
* `__event__`        what the row's event is called now
* `__timelines__`, `__sequences__`, `__names__`   another file of this folder, as a subquery
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from importlib.resources import files

from trackway_analytics.queries.fields import Bindings, Reader
from trackway_analytics.queries.where import compile_where
from trackway_analytics.times import EARLIEST, LATEST, MICROSECOND
from trackway_plan.environments import ALL, PRODUCTION

_SLOT = re.compile(r"__([a-z]+(?:_[a-z]+)*)__")
_HEADER = re.compile(r"\A(?:--[^\n]*\n|\s*\n)*")


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL with the parameters it needs."""

    sql: str
    params: Mapping[str, object]
    notes: tuple[str, ...] = ()
    """The former names that it includes."""


@cache
def sql_file(name: str) -> str:
    """Return the text of `<name>.sql` in this folder."""
    return (files("trackway_analytics.queries") / f"{name}.sql").read_text(encoding="utf-8")


def render(name: str, pieces: Mapping[str, str]) -> str:
    """Return the file with each slot filled from `pieces`; KeyError names a slot without a piece."""

    def fill(found: re.Match[str]) -> str:
        piece = pieces[found[1]]
        if "\n" not in piece:
            return piece
        line_start = found.string.rfind("\n", 0, found.start()) + 1
        blanks = found.string[line_start:]
        indent = " " * (len(blanks) - len(blanks.lstrip()))
        return piece.replace("\n", "\n" + indent)

    header = _HEADER.match(sql_file(name))
    assert header is not None  # noqa: S101  (the pattern matches the empty string)
    return header[0] + _SLOT.sub(fill, sql_file(name)[header.end() :])


def subquery(name: str, pieces: Mapping[str, str]) -> str:
    """Return the file without its header comment, in brackets, to stand where a table stands."""
    body = _HEADER.sub("", render(name, pieces)).strip().replace("\n", "\n    ")
    return f"(\n    {body}\n)"


@dataclass(frozen=True, slots=True)
class Scope:
    """
    Which events a question is about: since ≤ timestamp < until, of one environment, of one of `sources` (none: all),
    `where` true.
    """

    since: datetime | None = None
    until: datetime | None = None
    sources: tuple[str, ...] = ()
    where: str | None = None
    environment: str = PRODUCTION
    """ALL: whatever the environment; empty: where there is no such thing, as in a file."""

    def filter(self, reader: Reader, unit: str = "user") -> str:
        """
        SQL that is 1 for the events of somebody, in the environment, that satisfy `where`.

        An event without any id of a person is nobody's; it may still belong to a session that has an id.
        """
        somebodys = "(person_id != '' OR session_id != '')" if unit == "session" else "person_id != ''"
        conditions = [somebodys]
        if self.environment not in (ALL, ""):
            reader.bindings.params["environment"] = self.environment
            conditions.insert(0, "environment = {environment:String}")
        if self.where:
            conditions.append(f"({compile_where(self.where, reader)})")
        return " AND ".join(conditions)

    def bind(self, bindings: Bindings, *, reach_back: timedelta | None = None) -> None:
        """Bind `first`, `last` (both inclusive) and `sources`; `reach_back` moves `first` into the past."""
        first = self.since or EARLIEST
        if reach_back is not None:
            first = max(EARLIEST, first - reach_back) if first - EARLIEST > reach_back else EARLIEST
        bindings.params["first"] = first
        bindings.params["last"] = self.until - MICROSECOND if self.until else LATEST
        bindings.params["sources"] = list(self.sources)

    def spelled(self) -> str:
        """
        The scope in words, with a blank before it: ` in production from source shop since 2026-01-01`.
        """
        words = []
        if self.environment:
            words.append("in all environments" if self.environment == ALL else f"in {self.environment}")
        if self.sources:
            words.append(f"from source{'s' if len(self.sources) > 1 else ''} {', '.join(self.sources)}")
        if self.where:
            words.append(f"where {self.where}")
        if self.since:
            words.append(f"since {spell_moment(self.since)}")
        if self.until:
            words.append(f"before {spell_moment(self.until)}")
        return "".join(f" {word}" for word in words)


def spell_moment(at: datetime) -> str:
    """Return a UTC time as short as it can be said."""
    return at.strftime("%Y-%m-%d" if (at.hour, at.minute, at.second) == (0, 0, 0) else "%Y-%m-%d %H:%M:%S") + " UTC"
