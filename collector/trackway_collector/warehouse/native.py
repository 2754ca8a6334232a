"""
ClickHouse's Native format as Python values, with clickhouse-connect's parser.

The embedded engine gives the same bytes a server sends, so one parser makes the two warehouses return equal
values.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from trackway_collector.warehouse.base import QueryResult

if TYPE_CHECKING:
    import pandas
    from clickhouse_connect.driver.query import QueryContext

Columns = list[tuple[str, str]]
"""(name, ClickHouse type) of each column."""

_INTEGERS = {f"{sign}Int{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64)}


class _Bytes:
    """The few attributes of an HTTP response that the parser asks for."""

    last_message = None
    exception_tag = None

    def __init__(self, data: bytes) -> None:
        self._data = data

    @property
    def gen(self) -> Iterator[bytes]:
        return iter((self._data,))

    def close(self) -> None:
        """Nothing is held open."""


def decode(data: bytes) -> QueryResult:
    """The rows of a complete Native result."""
    result = _parse(data, _context())
    types = tuple(column.name for column in result.column_types)
    return QueryResult(tuple(result.column_names), types, [tuple(row) for row in result.result_rows])


def decode_df(data: bytes) -> pandas.DataFrame:
    """The same as a DataFrame."""
    frame: pandas.DataFrame = _parse(data, _context(use_numpy=True, as_pandas=True, use_extended_dtypes=True)).df_result
    return frame


def without_rows(columns: Columns) -> QueryResult:
    """A result of no rows. Native says nothing at all then, so `columns` come from `columns_of_json`."""
    return QueryResult(tuple(name for name, _ in columns), tuple(type_name for _, type_name in columns), [])


def without_rows_df(columns: Columns) -> pandas.DataFrame:
    """The same as a DataFrame, numbers and times with the dtype they have when there are rows."""
    import pandas

    return pandas.DataFrame({name: pandas.Series([], dtype=_dtype(type_name)) for name, type_name in columns})


def columns_of_json(body: bytes) -> Columns:
    """(name, type) of each column, from a result in FORMAT JSONCompact."""
    return [(column["name"], column["type"]) for column in json.loads(body)["meta"]]


def _context(**options: Any) -> QueryContext:
    from clickhouse_connect.driver.query import QueryContext

    return QueryContext(tz_mode="aware", **options)


def _parse(data: bytes, context: QueryContext) -> Any:
    from clickhouse_connect.driver import ctypes as driver
    from clickhouse_connect.driver.transform import NativeTransform

    # The C implementation where it is built, the Python one elsewhere.
    buffer: Any = driver.RespBuffCls
    return NativeTransform.parse_response(buffer(_Bytes(data)), context)


def _dtype(type_name: str) -> str:
    inner = type_name.removeprefix("LowCardinality(").removeprefix("Nullable(").rstrip(")")
    nullable = "Nullable(" in type_name
    if inner in _INTEGERS:
        # Nullable integers are pandas' own type, written with a capital.
        return inner if nullable else inner.lower()
    if inner.startswith("Float"):
        return inner.lower()
    if inner.startswith("DateTime64(6"):
        return "datetime64[us, UTC]"
    return "string" if inner == "String" else "object"
