"""
What one can do with a warehouse, whatever stands behind it: the seam that loader and analytics are written
against.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import pandas

    from trackway_collector.warehouse.url import WarehouseUrl

Params = Mapping[str, object]
Settings = Mapping[str, str | int]

# How JSONEachRow must be read so that no row is changed or refused for its looks.
INSERT_SETTINGS: dict[str, str | int] = {
    # One call is one block is one part: all of the rows are there, or none. The engine splits by these
    # otherwise.
    "max_insert_block_size": 1_000_000_000,
    "min_insert_block_size_rows": 1_000_000_000,
    "min_insert_block_size_bytes": 1 << 40,
    "max_insert_threads": 1,
    "async_insert": 0,
    # An INSERT's token is compared only with this on; the table's window says how far back.
    "insert_deduplicate": 1,
    # {"a":1,"a":2}: keep the first, rather than fail the block.
    "type_json_skip_duplicated_paths": 1,
    # {"a.b":1} is the path `a%2Eb`; without this it is taken for {"a":{"b":1}}, and both together fail the
    # block.
    "json_type_escape_dots_in_keys": 1,
    # Strings stay the text they were: "2026-01-01T00:00:00Z" in a path without type would be stored as
    # DateTime64.
    "input_format_try_infer_dates": 0,
    "input_format_try_infer_datetimes": 0,
    # Typed columns and paths read RFC 3339.
    "date_time_input_format": "best_effort",
    # A row with a column that the table lacks is a mistake of ours, not something to forget silently.
    "input_format_skip_unknown_fields": 0,
}


@dataclass(frozen=True, slots=True)
class QueryResult:
    """
    Rows of one query.

    `columns` and `types` (ClickHouse's names) are there for an empty result too. Values are Python's: int,
    float, str, bool, None, Decimal, aware UTC `datetime`, `date`, list, tuple, dict.
    """

    columns: tuple[str, ...]
    types: tuple[str, ...]
    rows: list[tuple[Any, ...]]

    def one(self) -> Any:
        """The single value of a result of one row and one column."""
        ((value,),) = self.rows
        return value

    def dicts(self) -> list[dict[str, Any]]:
        """The rows as dicts, column name → value."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


class Warehouse(Protocol):
    """
    Tables of one database, read and written with ClickHouse's SQL.

    Every method may be called from several threads at once. Values travel as bound parameters, `{name:Type}`
    in the text and `name` in `params`; a `datetime` must be aware. Errors are `Transient` or `Terminal`
    (`errors.py`).
    """

    @property
    def url(self) -> WarehouseUrl:
        """Where this warehouse is."""

    @property
    def database(self) -> str:
        """The database that table names without one belong to."""

    def query(self, sql: str, params: Params | None = None, settings: Settings | None = None) -> QueryResult:
        """The rows of a SELECT (SHOW, DESCRIBE, EXPLAIN …) that has no FORMAT clause."""

    def query_df(self, sql: str, params: Params | None = None, settings: Settings | None = None) -> pandas.DataFrame:
        """The same as a DataFrame; nullable integers and strings are pandas' nullable types."""

    def query_bytes(
        self, sql: str, params: Params | None = None, settings: Settings | None = None, *, fmt: str
    ) -> bytes:
        """The rows of a SELECT as the bytes of a ClickHouse output format ("RowBinary", "Parquet", …)."""

    def insert_rows(self, table: str, rows: bytes, *, token: str, query_id: str) -> None:
        """
        Store `rows` (JSONEachRow: one JSON object a line) in `table`, all or none.

        The same `token` a second time changes nothing, within one life of the engine and the table's
        deduplication window. `query_id` names the insert for `query_is_running` and must be new.
        """

    def command(self, sql: str, params: Params | None = None, settings: Settings | None = None) -> None:
        """Run a statement that returns nothing: DDL, ALTER, OPTIMIZE, SYSTEM."""

    def create_database(self) -> None:
        """Create `database` if it is missing."""

    def query_is_running(self, query_id: str) -> bool:
        """Whether the engine still works on the insert or query of that id; False is final for an insert."""

    def cancel_query(self, query_id: str) -> None:
        """Ask the engine to end that query, and return without waiting for it."""

    def close(self) -> None:
        """Let go of connections. The embedded engine stops when its last warehouse is closed."""
