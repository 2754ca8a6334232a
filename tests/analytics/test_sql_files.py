"""
Every `.sql` file is what it says: one readable statement, documented parameters, known tables; and it runs.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp

import trackway_analytics
from tests.analytics.logs import row, store
from trackway_analytics import Answer, Events, step
from trackway_collector.warehouse import Warehouse

PACKAGE = Path(trackway_analytics.__file__).parent
FILES = [path for folder in ("queries", "plan_data") for path in sorted((PACKAGE / folder).glob("*.sql"))]
GOLDEN = Path(__file__).parent.parent / "golden" / "sql"
TABLES = {"events", "quarantine", "replayed", "loads"}
SLOT = re.compile(r"__([a-z_]+?)__")
PARAMETER = re.compile(r"\{([a-z_0-9]+):")
# The words of a header that name parameters of other files or of the question's own conditions.
ELSEWHERE = re.compile(r"\b(?:those of|of __\w+__|and its filter|and their filters|the channel's property|none)\b")


def header(text: str) -> dict[str, str]:
    """Return the parts of a file's header comment: purpose, params, returns."""
    lines = [line[2:].strip() for line in text.splitlines() if line.startswith("--")]
    joined = " ".join(lines)
    found = re.fullmatch(r"(?P<purpose>.+?) params: (?P<params>.+?) returns: (?P<returns>.+)", joined)
    return found.groupdict() if found else {}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_file_is_one_statement_that_only_reads(path: Path) -> None:
    """
    It parses as one SELECT over known tables, names its columns, and says purpose, parameters and result.
    """
    text = path.read_text(encoding="utf-8")
    if path.stem.startswith("try_load"):
        assert "INSERT INTO events" in text  # the one write: into the temporary engine of `trackway try`
        return
    (statement,) = sqlglot.parse(text, dialect="clickhouse")
    assert isinstance(statement, exp.Select)
    assert not list(statement.find_all(exp.Insert, exp.Update, exp.Delete, exp.Drop, exp.Create, exp.Alter))
    tables = {table.name for table in statement.find_all(exp.Table) if isinstance(table.this, exp.Identifier)}
    assert {name for name in tables if not SLOT.fullmatch(name)} <= TABLES
    assert not any(isinstance(column, exp.Star) for column in statement.expressions)
    assert header(text), "the header says purpose, params and returns"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_header_names_the_parameters(path: Path) -> None:
    """Every parameter that the text uses is in the header's `params`, and every name there is used."""
    text = path.read_text(encoding="utf-8")
    documented = header(text)["params"] if header(text) else text.partition("params:")[2].partition("\n")[0]
    used = set(PARAMETER.findall(text)) - set(PARAMETER.findall("\n".join(re.findall(r"--.*", text))))
    names = set(re.findall(r"[a-z_]+", documented.replace("__", " ")))
    assert used <= names
    own = {word.strip() for word in documented.split(",") if re.fullmatch(r"[a-z_]+", word.strip())}
    slots_may_use = {"since", "starts", "touches", "zone", "session_gap_us"} if SLOT.search(text) else set()
    assert own - used - slots_may_use <= {"none"}


def questions(events: Events) -> Iterator[tuple[str, Answer]]:  # type: ignore[type-arg]
    """One example of each kind of statement."""
    yield "funnel_by_user", events.funnel("cart", "purchase", within="7d", entry="any")
    yield (
        "funnel_by_session_with_breakdown",
        events.funnel(
            step("cart", "wishlist", where="price > 10 and platform in ('ios', 'web')"),
            "purchase",
            unit="session",
            breakdown="platform",
            source="shop",
            since="2026-03-01",
        ),
    )
    yield "paths_after", events.paths(start="cart", steps=4)
    yield (
        "paths_before_by_user",
        events.paths(end="purchase", unit="user", where="page_path starts_with '/shop'"),
    )
    yield (
        "retention_weekly",
        events.retention(start="signup", period="week", tz="Europe/Berlin", week_start="sunday"),
    )
    yield "retention_hourly_recurring", events.retention(period="hour", first="recurring", mode="on_or_after")
    yield "attribution", events.attribution(conversion="purchase")
    yield (
        "attribution_with_value",
        events.attribution(conversion="purchase", touch="ad", channel="channel", value="price"),
    )


def test_golden_statements(warehouse: Warehouse) -> None:
    """
    The rendered statement of each example question is the reviewed one in tests/golden/sql, and it runs.

    TRACKWAY_UPDATE_GOLDEN=1 rewrites the files.
    """
    properties = {"price": 12, "platform": "ios", "channel": "mail"}
    store(
        warehouse,
        [row("ida", name, 60 * i, properties=properties) for i, name in enumerate(("ad", "cart", "purchase"))],
    )
    for name, answer in questions(Events(warehouse)):
        assert answer.rows is not None
        path = GOLDEN / f"{name}.sql"
        if os.environ.get("TRACKWAY_UPDATE_GOLDEN"):
            path.write_text(answer.sql, encoding="utf-8")
        assert answer.sql == path.read_text(encoding="utf-8"), f"{path.name} differs; see the docstring"
        assert not SLOT.search(answer.sql.partition("SELECT")[2].replace("__timelines__", ""))
        used = set(PARAMETER.findall(answer.sql))
        assert used == set(answer.params), "no parameter is bound that the statement does not use"
