"""A warehouse in this process: chDB, the ClickHouse engine as a library."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from trackway_collector.warehouse import native
from trackway_collector.warehouse.base import INSERT_SETTINGS, Params, QueryResult, Settings
from trackway_collector.warehouse.engine import EmbeddedEngine
from trackway_collector.warehouse.errors import Terminal, Transient, from_engine_text
from trackway_collector.warehouse.parameters import bind
from trackway_collector.warehouse.url import WarehouseUrl

if TYPE_CHECKING:
    import pandas

_SETTING_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*\Z")


class EmbeddedWarehouse:
    """One database of the embedded engine. Each concurrent call uses a connection of its own."""

    def __init__(self, url: WarehouseUrl) -> None:
        if url.path is None:
            message = f"{url} is not an embedded warehouse"
            raise Terminal(message)
        # Its modules import each other in a circle: two threads that need the first one at a time see half of it.
        import clickhouse_connect.driver  # noqa: F401

        self._url = url
        self._engine = EmbeddedEngine.open(url.path)
        self._lock = threading.Lock()
        self._running: set[str] = set()
        self._closed = False

    def __repr__(self) -> str:
        return f"EmbeddedWarehouse({self._url})"

    @property
    def url(self) -> WarehouseUrl:
        return self._url

    @property
    def database(self) -> str:
        return self._url.database

    @property
    def engine(self) -> EmbeddedEngine:
        """The engine, for the query port."""
        return self._engine

    def query(self, sql: str, params: Params | None = None, settings: Settings | None = None) -> QueryResult:
        found = self._select(sql, params, settings)
        return native.decode(found) if isinstance(found, bytes) else native.without_rows(found)

    def query_df(self, sql: str, params: Params | None = None, settings: Settings | None = None) -> pandas.DataFrame:
        found = self._select(sql, params, settings)
        return native.decode_df(found) if isinstance(found, bytes) else native.without_rows_df(found)

    def query_bytes(
        self, sql: str, params: Params | None = None, settings: Settings | None = None, *, fmt: str
    ) -> bytes:
        with self._connection(settings) as connection:
            return _run(connection, sql, fmt, bind(params))

    def command(self, sql: str, params: Params | None = None, settings: Settings | None = None) -> None:
        with self._connection(settings) as connection:
            _run(connection, sql, "TabSeparated", bind(params))

    def create_database(self) -> None:
        with self._engine.connection() as connection:
            _run(connection, f"CREATE DATABASE IF NOT EXISTS `{self.database}`")

    def insert_rows(self, table: str, rows: bytes, *, token: str, query_id: str) -> None:
        expected = _count_rows(rows)
        # log_comment marks the statement in system.processes: chDB chooses the query id itself.
        settings = settings_text({**INSERT_SETTINGS, "insert_deduplication_token": token, "log_comment": query_id})
        with self._marked_running(query_id), self._connection() as connection:
            try:
                inserter = connection.send_insert(f"INSERT INTO {table} SETTINGS {settings}", "JSONEachRow")
                with inserter:
                    inserter.append(rows)
                    written = inserter.finish().rows_written
            except RuntimeError as error:
                raise from_engine_text(str(error), inserting=True) from None
            if written < expected:
                # A killed streaming insert ends without an error and without rows.
                message = f"the engine ended the insert of {expected} rows into {table} after {written}"
                raise Transient(message)

    def query_is_running(self, query_id: str) -> bool:
        with self._lock:
            return query_id in self._running

    def cancel_query(self, query_id: str) -> None:
        self.command("KILL QUERY WHERE Settings['log_comment'] = {id:String} ASYNC", {"id": query_id})

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._engine.close()

    def _select(self, sql: str, params: Params | None, settings: Settings | None) -> bytes | native.Columns:
        bound = bind(params)
        with self._connection(settings) as connection:
            data: bytes = _run(connection, sql, "Native", bound)
            if data:
                return data
            # In Native, a result without rows comes without names and types too.
            return native.columns_of_json(_run(connection, sql, "JSONCompact", bound))

    @contextmanager
    def _connection(self, settings: Settings | None = None) -> Iterator[Any]:
        if self._closed:
            message = f"{self!r} is closed"
            raise Terminal(message)
        if settings:
            connection = self._engine.connect()
            try:
                _run(connection, f"USE `{self.database}`")
                _run(connection, f"SET {settings_text(settings)}")
                yield connection
            finally:
                connection.close()
        else:
            with self._engine.connection() as connection:
                _run(connection, f"USE `{self.database}`")
                yield connection

    @contextmanager
    def _marked_running(self, query_id: str) -> Iterator[None]:
        # The insert runs inside this call, so this set is the whole truth about what runs.
        with self._lock:
            if query_id in self._running:
                message = f"an insert with query id {query_id} is running"
                raise Transient(message)
            self._running.add(query_id)
        try:
            yield
        finally:
            with self._lock:
                self._running.discard(query_id)


def settings_text(settings: Mapping[str, str | int | float]) -> str:
    """
    `a = '1', b = 'x'` for SET and SETTINGS. A quoted number is read as a number where the setting is one.
    """
    for name in settings:
        if not _SETTING_NAME.match(name):
            message = f"`{name}` is not the name of a setting"
            raise Terminal(message)
    return ", ".join(f"{name} = {quoted(str(value))}" for name, value in settings.items())


def quoted(text: str) -> str:
    """`text` as a string literal."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _run(
    connection: Any, sql: str, output_format: str = "TabSeparated", params: Mapping[str, str] | None = None
) -> bytes:
    try:
        data: bytes = connection.query(sql, output_format, params=dict(params or {})).bytes()
    except RuntimeError as error:
        raise from_engine_text(str(error)) from None
    return data


def _count_rows(rows: bytes) -> int:
    lines = rows.count(b"\n")
    return lines if rows.endswith(b"\n") else lines + 1
