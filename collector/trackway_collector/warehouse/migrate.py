"""
The tables, brought up to this version by numbered SQL files.

`migrations/NNNN_name.sql` run in order, each once; the table `migrations` records number, name and checksum.
They go forward only. A file that was applied must never change again: the warehouse would no longer be what
the files say, so an edited file is refused, as is a warehouse that a newer Trackway has touched.

Each statement can be run twice (`IF NOT EXISTS`), since ClickHouse has no transaction around DDL: a migration
that was cut short is not recorded, and the next run repeats it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources

from trackway_collector.warehouse.base import Warehouse
from trackway_collector.warehouse.errors import MigrationError

_FILE_NAME = re.compile(r"(?P<number>\d{4})_(?P<name>[a-z0-9_]+)\.sql\Z")

_RECORD_TABLE = """
CREATE TABLE IF NOT EXISTS migrations
(
    number UInt32,
    name String,
    checksum String COMMENT 'SHA-256 of the file',
    applied_at DateTime64(6, 'UTC') DEFAULT now64(6, 'UTC')
)
ENGINE = MergeTree
ORDER BY number
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file of `migrations/`."""

    number: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the file's text, as hex."""
        return hashlib.sha256(self.sql.encode()).hexdigest()

    @property
    def title(self) -> str:
        """`0001_events`"""
        return f"{self.number:04}_{self.name}"

    def statements(self) -> list[str]:
        """The file's statements; each ends with a `;` at the end of a line."""
        parts = re.split(r";[ \t]*$", self.sql, flags=re.MULTILINE)
        return [part.strip() for part in parts if re.sub(r"--.*", "", part).strip()]


def migrate(warehouse: Warehouse, migrations: Iterable[Migration] | None = None) -> list[str]:
    """
    Create the database and bring its tables up to date; the titles of the migrations that ran now.

    Raises:
        MigrationError: an applied migration was edited, or the warehouse is ahead of this version.
    """
    known = list(migrations) if migrations is not None else bundled()
    warehouse.create_database()
    warehouse.command(_RECORD_TABLE)
    applied = _applied(warehouse)
    _check(warehouse, known, applied)
    done = []
    for migration in known:
        if migration.number in applied:
            continue
        for statement in migration.statements():
            warehouse.command(statement)
        warehouse.command(
            "INSERT INTO migrations (number, name, checksum) SELECT {number:UInt32}, {name:String}, {checksum:String}",
            {"number": migration.number, "name": migration.name, "checksum": migration.checksum},
        )
        done.append(migration.title)
    return done


def pending(warehouse: Warehouse) -> list[str]:
    """The titles of the migrations that this version has and the warehouse has not."""
    found = warehouse.query(
        "SELECT count() FROM system.tables WHERE database = {database:String} AND name = 'migrations'",
        {"database": warehouse.database},
    )
    applied = _applied(warehouse) if found.one() else {}
    return [migration.title for migration in bundled() if migration.number not in applied]


def bundled() -> list[Migration]:
    """The migrations of this version, in order."""
    found = []
    for file in resources.files(__package__).joinpath("migrations").iterdir():
        if match := _FILE_NAME.match(file.name):
            found.append(Migration(int(match["number"]), match["name"], file.read_text("utf-8")))
    return sorted(found, key=lambda migration: migration.number)


def _applied(warehouse: Warehouse) -> dict[int, tuple[str, str]]:
    rows = warehouse.query("SELECT number, name, checksum FROM migrations ORDER BY number, applied_at").rows
    return {number: (name, checksum) for number, name, checksum in rows}


def _check(warehouse: Warehouse, known: list[Migration], applied: dict[int, tuple[str, str]]) -> None:
    by_number = {migration.number: migration for migration in known}
    for number, (name, checksum) in applied.items():
        migration = by_number.get(number)
        if migration is None:
            message = (
                f"{warehouse.url}: migration {number:04}_{name} was applied by a newer Trackway; "
                f"this one ends at {max(by_number, default=0):04}. Upgrade: pip install --upgrade trackway"
            )
            raise MigrationError(message)
        if migration.checksum != checksum:
            message = (
                f"{warehouse.url}: migrations/{migration.title}.sql was edited after it had been applied "
                f"(checksum {migration.checksum[:12]}, applied {checksum[:12]}). Put the file back as it "
                "was, and write the change as a new migration. If you did not edit it, the tables were made by another "
                "development version of Trackway: go back to that one, or use a new database or data directory."
            )
            raise MigrationError(message)
