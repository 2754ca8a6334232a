"""
A warehouse on a ClickHouse server, over HTTP(S). The embedded store's query port is reached the same way.
"""

from __future__ import annotations

import logging
import math
import socket
import ssl
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from trackway_collector.warehouse import native
from trackway_collector.warehouse.base import INSERT_SETTINGS, Params, QueryResult, Settings
from trackway_collector.warehouse.errors import Terminal, Transient, UnreachableError, from_engine_text
from trackway_collector.warehouse.parameters import exact
from trackway_collector.warehouse.url import WarehouseUrl

if TYPE_CHECKING:
    import pandas
    from clickhouse_connect.driver.exceptions import Error

T = TypeVar("T")

MAX_CAUSE = 200
# Where nobody has set up logging, the driver's warnings would stand before our own message.
logging.getLogger("clickhouse_connect").addHandler(logging.NullHandler())

_WRONG_LOGIN = {192, 193, 194, 516}  # UNKNOWN_USER, WRONG_PASSWORD, REQUIRED_PASSWORD, AUTHENTICATION_FAILED


def _sent(client: Any, settings: Settings | None) -> dict[str, str | int]:
    """
    The settings to send. A server refuses those that its user may not change; the driver would drop them
    silently.
    """
    client.valid_transport_settings = client.valid_transport_settings | set(settings or {})
    return dict(settings or {})


class ClickHouseWarehouse:
    """
    One database of a server.

    Nothing is sent before the first call, so a store process can start while its server is down.
    """

    def __init__(self, url: WarehouseUrl) -> None:
        self._url = url
        self._lock = threading.Lock()
        self._connected: Any = None

    def __repr__(self) -> str:
        return f"ClickHouseWarehouse({self._url})"

    @property
    def url(self) -> WarehouseUrl:
        return self._url

    @property
    def database(self) -> str:
        return self._url.database

    def query(self, sql: str, params: Params | None = None, settings: Settings | None = None) -> QueryResult:
        bound = exact(params)

        def ask(client: Any) -> QueryResult:
            result = client.query(sql, parameters=bound, settings=_sent(client, settings))
            # The rows are read, and errors in mid-result raised, only here.
            rows = [tuple(row) for row in result.result_rows]
            return QueryResult(tuple(result.column_names), tuple(kind.name for kind in result.column_types), rows)

        found = self._call(ask)
        return found if found.columns else native.without_rows(self._columns(sql, bound, settings))

    def query_df(self, sql: str, params: Params | None = None, settings: Settings | None = None) -> pandas.DataFrame:
        bound = exact(params)
        frame: pandas.DataFrame = self._call(
            lambda client: client.query_df(sql, parameters=bound, settings=_sent(client, settings))
        )
        return frame if len(frame.columns) else native.without_rows_df(self._columns(sql, bound, settings))

    def query_bytes(
        self, sql: str, params: Params | None = None, settings: Settings | None = None, *, fmt: str
    ) -> bytes:
        return self._bytes(sql, exact(params), settings, fmt)

    def command(self, sql: str, params: Params | None = None, settings: Settings | None = None) -> None:
        bound = exact(params)
        self._call(lambda client: client.command(sql, parameters=bound, settings=_sent(client, settings)))

    def create_database(self) -> None:
        sql = f"CREATE DATABASE IF NOT EXISTS `{self.database}`"
        self._call(lambda client: client.command(sql, use_database=False))

    def insert_rows(self, table: str, rows: bytes, *, token: str, query_id: str) -> None:
        settings = {**INSERT_SETTINGS, "insert_deduplication_token": token, "query_id": query_id}
        self._call(
            lambda client: client.raw_insert(table, insert_block=rows, settings=settings, fmt="JSONEachRow"),
            inserting=True,
        )

    def query_is_running(self, query_id: str) -> bool:
        count = self.query("SELECT count() FROM system.processes WHERE query_id = {id:String}", {"id": query_id})
        return bool(count.one())

    def cancel_query(self, query_id: str) -> None:
        self.command("KILL QUERY WHERE query_id = {id:String} ASYNC", {"id": query_id})

    def close(self) -> None:
        with self._lock:
            client, self._connected = self._connected, None
        if client is not None:
            client.close()

    def _columns(self, sql: str, bound: dict[str, object], settings: Settings | None) -> native.Columns:
        # In Native, a result without rows comes without names and types too.
        return native.columns_of_json(self._bytes(sql, bound, settings, "JSONCompact"))

    def _bytes(self, sql: str, bound: dict[str, object], settings: Settings | None, fmt: str) -> bytes:
        body: bytes = self._call(
            lambda client: client.raw_query(sql, parameters=bound, settings=_sent(client, settings), fmt=fmt)
        )
        return body

    def _client(self) -> Any:
        with self._lock:
            if self._connected is None:
                self._connected = self._connect()
            return self._connected

    def _connect(self) -> Any:
        import clickhouse_connect

        url = self._url
        client = clickhouse_connect.get_client(
            host=url.host,
            port=url.port,
            username=url.user,
            password=url.password,
            interface="https" if url.secure else "http",
            verify=url.verify,
            # The database may not exist yet: it is named on each request only.
            database="__default__",
            connect_timeout=_whole(url.connect_timeout_s),
            send_receive_timeout=_whole(url.query_timeout_s),
            tz_mode="aware",
            # Sessions would force one query at a time; retries are the loader's affair.
            autogenerate_session_id=False,
            query_retries=0,
            show_clickhouse_errors=True,
            client_name="trackway",
        )
        client.database = url.database
        return client

    def _call(self, work: Callable[[Any], T], *, inserting: bool = False) -> T:
        from clickhouse_connect.driver.exceptions import Error
        from urllib3.exceptions import HTTPError

        try:
            return work(self._client())
        except Error as error:
            raise self._translated(error, inserting=inserting) from None
        except (HTTPError, OSError) as error:
            raise self._unreachable(error) from None

    def _translated(self, error: Error, *, inserting: bool) -> Transient | Terminal:
        if error.code is None:
            return self._unreachable(error)
        translated = from_engine_text(self._url.redact(str(error)), inserting=inserting)
        if error.code in _WRONG_LOGIN:
            message = f"{self._url}: user `{self._url.user}` is not let in; check name and password. {translated}"
            return UnreachableError(message, code=translated.code, name=translated.name)
        return translated

    def _unreachable(self, error: Exception) -> UnreachableError:
        url = self._url
        address = f"[{url.host}]:{url.port}" if ":" in url.host else f"{url.host}:{url.port}"
        message = (
            f"{url}: no answer from {address}: {url.redact(_cause(error, url))}.\n"
            "  Is ClickHouse running there? Start it, or name another place: --warehouse or TRACKWAY_WAREHOUSE."
        )
        return UnreachableError(message)


def _cause(error: BaseException, url: WarehouseUrl) -> str:
    """What ended the request, in a few words: the innermost error's, where the system or the network named one."""
    for inner in reversed(_chain(error)):
        if isinstance(inner, socket.gaierror):
            return "this name has no address"
        if isinstance(inner, ConnectionRefusedError):
            return "connection refused"
        if isinstance(inner, TimeoutError):
            connecting = any(type(outer).__name__ == "ConnectTimeoutError" for outer in _chain(error))
            return f"no word within {_whole(url.connect_timeout_s if connecting else url.query_timeout_s)} s"
        if isinstance(inner, ssl.SSLError):
            return f"TLS: {inner.reason or inner}"
        if isinstance(inner, OSError) and inner.strerror:
            return inner.strerror
    return str(error).strip().partition("\n")[0][:MAX_CAUSE].rstrip(".")


def _chain(error: BaseException) -> list[BaseException]:
    """The error and those that led to it, outermost first."""
    chain: list[BaseException] = []
    inner: BaseException | None = error
    while inner is not None and inner not in chain:
        chain.append(inner)
        reason = getattr(inner, "reason", None)  # where urllib3 keeps it
        inner = inner.__cause__ or (reason if isinstance(reason, BaseException) else inner.__context__)
    return chain


def _whole(seconds: float) -> int:
    # The driver counts in whole seconds, and takes less than one for none.
    return math.ceil(seconds)
