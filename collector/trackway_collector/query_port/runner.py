"""One query on the embedded engine, on a connection of its own that can only read. Everything here blocks."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from typing import Any

from trackway_collector.query_port.guard import Checked, RefusedError, check
from trackway_collector.query_port.request import QueryRequest
from trackway_collector.warehouse.embedded import settings_text
from trackway_collector.warehouse.engine import EmbeddedEngine
from trackway_collector.warehouse.errors import WarehouseError, from_engine_text

# Formats in which every block stands for itself, so the blocks one after another are the result. The others
# have a head, a foot, or a structure over all rows; chDB writes those per block, so they are taken whole, up
# to a limit.
STREAMED = frozenset(
    {
        "CSV",
        "JSONCompactEachRow",
        "JSONEachRow",
        "JSONLines",
        "JSONStringsEachRow",
        "NDJSON",
        "Native",
        "RowBinary",
        "TSV",
        "TSVRaw",
        "TabSeparated",
        "TabSeparatedRaw",
    }
)
_FORMAT_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*\Z")
_FORMAT_CLAUSE = re.compile(r"\bFORMAT\s+([A-Za-z][A-Za-z0-9]*)\s*;?\s*\Z", re.IGNORECASE)


class RunningQuery:
    """
    A query that has been started. `start` gives the first bytes, `next` the rest, `close` ends it whenever.

    Each of the three may be called from another thread, one at a time.
    """

    def __init__(
        self, engine: EmbeddedEngine, request: QueryRequest, settings: Mapping[str, str | int | float]
    ) -> None:
        self._engine = engine
        self._request = request
        self._settings = settings
        self._connection: Any = None
        self._stream: Any = None
        self.output_format = request.output_format
        self.summary: dict[str, str] = {}

    def start(self, max_buffered_bytes: int) -> bytes:
        """
        Check the query, run it, and give the first bytes of the result.

        Raises:
            RefusedError: it may not run here.
            WarehouseError: the engine's own error.
        """
        try:
            return self._start(max_buffered_bytes)
        except RuntimeError as error:
            raise from_engine_text(str(error)) from None

    def next(self) -> bytes:
        """The next bytes; none when the result is complete."""
        if self._stream is None:
            return b""
        try:
            chunk = self._stream.fetch()
        except RuntimeError as error:
            raise from_engine_text(str(error)) from None
        return bytes(chunk.bytes()) if chunk is not None else b""

    def close(self) -> None:
        """End the query if it still runs, and let go of its connection."""
        with contextlib.suppress(RuntimeError):
            if self._stream is not None:
                self._stream.close()
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _start(self, max_buffered_bytes: int) -> bytes:
        request = self._request
        connection = self._connection = self._engine.connect()
        self._prepare(connection, self._settings)
        checked = check(connection, request.sql, request.params)
        self.output_format = self._format(checked)
        if checked.is_select and self.output_format in STREAMED:
            self._stream = connection.send_query(request.sql, self.output_format, params=request.params)
            return self.next()
        connection.close()
        connection = self._connection = self._engine.connect()
        self._prepare(connection, {**self._settings, "max_result_bytes": max_buffered_bytes})
        result = connection.query(request.sql, self.output_format, params=request.params)
        self.summary = {
            "read_rows": str(result.storage_rows_read()),
            "read_bytes": str(result.storage_bytes_read()),
            "result_rows": str(result.rows_read()),
            "elapsed_ns": str(int(result.elapsed() * 1e9)),
        }
        return bytes(result.bytes())

    def _prepare(self, connection: Any, settings: Mapping[str, str | int | float]) -> None:
        connection.query(f"USE {_identifier(self._request.database)}")
        connection.query(f"SET {settings_text({**settings, 'log_comment': self._request.query_id})}")
        # From here on nothing that the query says can change a setting.
        connection.query("SET readonly = 1")

    def _format(self, checked: Checked) -> str:
        written = checked.output_format
        if written is None and not checked.is_select and (clause := _FORMAT_CLAUSE.search(self._request.sql)):
            written = clause[1]
        chosen = written or self._request.output_format
        if not _FORMAT_NAME.match(chosen):
            message = f"Unknown format {chosen}"
            raise RefusedError(message, 73, "UNKNOWN_FORMAT")
        return chosen


def _identifier(name: str) -> str:
    if name.lower() == "system":
        message = "the database `system` is none to start from: write `system.tables` in full"
        raise RefusedError(message)
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        message = f"Database {name} does not exist"
        raise RefusedError(message, 81, "UNKNOWN_DATABASE")
    return f"`{name}`"


def error_of(error: RefusedError | WarehouseError) -> tuple[int, str, str]:
    """Code, name and full text of an error, as ClickHouse writes them."""
    code, name = error.code or 1002, error.name or "UNKNOWN_EXCEPTION"
    text = str(error)
    if not text.startswith("Code: "):
        text = f"Code: {code}. DB::Exception: {text}. ({name})"
    return code, name, text
