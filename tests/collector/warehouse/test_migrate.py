"""Numbered migrations, forward only."""

from __future__ import annotations

from dataclasses import replace

import pytest

from trackway_collector.warehouse import MigrationError, Terminal, Warehouse, migrate
from trackway_collector.warehouse.migrate import Migration, bundled, pending

FIRST = Migration(1, "people", "CREATE TABLE IF NOT EXISTS people (id String) ENGINE = MergeTree ORDER BY id;\n")
SECOND = Migration(
    2, "pets", "-- two statements; a ; inside a line ends none\n"
    "CREATE TABLE IF NOT EXISTS cats (id String) ENGINE = MergeTree ORDER BY id;\n\n"
    "CREATE TABLE IF NOT EXISTS dogs (id String COMMENT 'a;b') ENGINE = MergeTree ORDER BY id;\n-- the end\n",
)  # fmt: skip


def tables(warehouse: Warehouse) -> list[str]:
    found = warehouse.query(
        "SELECT name FROM system.tables WHERE database = {db:String} ORDER BY name",
        {"db": warehouse.database},
    )
    return [name for (name,) in found.rows]


def test_the_bundled_migrations_make_the_tables(empty_warehouse: Warehouse) -> None:
    """A new database gets every table, once: the second run has nothing to do."""
    assert "0001_events" in pending(empty_warehouse)
    assert migrate(empty_warehouse) == [migration.title for migration in bundled()]
    assert tables(empty_warehouse) == ["events", "loads", "migrations", "plan_releases", "quarantine", "replayed"]
    assert migrate(empty_warehouse) == []
    assert pending(empty_warehouse) == []


def test_the_database_is_created_when_missing(empty_warehouse: Warehouse) -> None:
    """`migrate` needs nothing to be there."""
    empty_warehouse.command(f"DROP DATABASE {empty_warehouse.database} SYNC")
    assert migrate(empty_warehouse, [FIRST]) == ["0001_people"]


def test_only_what_is_missing_runs(empty_warehouse: Warehouse) -> None:
    """A second release brings its new file only."""
    assert migrate(empty_warehouse, [FIRST]) == ["0001_people"]
    assert migrate(empty_warehouse, [FIRST, SECOND]) == ["0002_pets"]
    assert tables(empty_warehouse) == ["cats", "dogs", "migrations", "people"]


def test_an_edited_migration_is_refused(empty_warehouse: Warehouse) -> None:
    """What was applied cannot be changed after the fact; the message names the file and the way out."""
    migrate(empty_warehouse, [FIRST])
    edited = replace(FIRST, sql=FIRST.sql.replace("id String", "id UUID"))
    with pytest.raises(MigrationError, match=r"0001_people\.sql was edited .* as a new migration"):
        migrate(empty_warehouse, [edited])


def test_a_newer_warehouse_is_refused(empty_warehouse: Warehouse) -> None:
    """An older Trackway keeps its hands off tables it does not know."""
    migrate(empty_warehouse, [FIRST, SECOND])
    with pytest.raises(MigrationError, match="0002_pets was applied by a newer Trackway; this one ends at 0001"):
        migrate(empty_warehouse, [FIRST])


def test_a_migration_cut_short_is_repeated(empty_warehouse: Warehouse) -> None:
    """A failing statement leaves the migration unrecorded; mended, it runs again from its start."""
    broken = replace(SECOND, sql=SECOND.sql.replace("dogs (id String", "dogs (id Strong"))
    with pytest.raises(Terminal):
        migrate(empty_warehouse, [FIRST, broken])
    assert tables(empty_warehouse) == ["cats", "migrations", "people"]
    assert migrate(empty_warehouse, [FIRST, SECOND]) == ["0002_pets"]


def test_an_answered_insert_is_on_disk(warehouse: Warehouse) -> None:
    """Every table fsyncs what it was given before it answers, and remembers tokens."""
    found = warehouse.query(
        "SELECT name, create_table_query FROM system.tables WHERE database = {db:String}",
        {"db": warehouse.database},
    )
    for name, ddl in found.rows:
        assert "fsync_after_insert = " in ddl, name
        assert "fsync_part_directory = " in ddl, name
        assert name == "migrations" or "non_replicated_deduplication_window = 10000" in ddl, name
