"""
The `.sql` files of demo and console: one statement each that reads, with the parameters that its header
names.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp

import trackway_analytics.demo

FILES = sorted(Path(trackway_analytics.demo.__file__).parent.parent.glob("[cd]*/sql/*.sql"))


def test_there_are_files_of_both() -> None:
    """The pattern finds the two folders."""
    assert {path.parent.parent.name for path in FILES} == {"console", "demo"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.parent.name}/{path.stem}")
def test_file_reads_and_says_what(path: Path) -> None:
    """It is one SELECT over tables of ours, without `*`, and its header names parameters and result."""
    text = path.read_text(encoding="utf-8")
    header, body = (
        "\n".join(line for line in text.splitlines() if line.startswith("--") is wanted) for wanted in (True, False)
    )
    (statement,) = sqlglot.parse(body, dialect="clickhouse")
    assert isinstance(statement, exp.Select)
    assert not any(isinstance(column, exp.Star) for column in statement.expressions)
    assert {table.name for table in statement.find_all(exp.Table)} <= {"events", "quarantine"}
    stated = re.search(r"^-- params: (.+)$", header, re.MULTILINE)
    assert stated is not None
    names = set(re.findall(r"\w+", re.sub(r"\(.*?\)", "", stated[1]))) - {"none"}
    assert names == set(re.findall(r"\{(\w+):", body))
    assert re.search(r"^-- returns: one row", header, re.MULTILINE)
