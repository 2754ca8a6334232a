"""The `.sql` files of the demo and of the console."""

from __future__ import annotations

from functools import cache
from importlib.resources import files


@cache
def read_sql(name: str) -> str:
    """Return the text of `<part>/sql/<query>.sql`, named as `part/query`."""
    part, query = name.split("/")
    return (files("trackway_analytics") / part / "sql" / f"{query}.sql").read_text(encoding="utf-8")
