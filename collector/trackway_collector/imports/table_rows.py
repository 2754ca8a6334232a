"""Parquet, by pyarrow. A position counts rows; the digest is of the rows themselves, however the file groups them."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from trackway_collector.errors import ConfigError
from trackway_collector.imports.rows import PART_ROWS, FileRefused, Mark, Part, Row

_encode = msgspec.msgpack.Encoder(order="sorted").encode


class TableRows:
    """A Parquet file: the record of a row is a dict by the columns' names; null is a missing field."""

    form = "table"

    def __init__(self, path: Path) -> None:
        try:
            import pyarrow as pa
            from pyarrow import parquet
        except ImportError as error:
            message = f"{path}: Parquet needs pyarrow.\n  Write: pip install 'trackway[parquet]'"
            raise ConfigError(message) from error
        self.path = path
        self._pa = pa
        try:
            self._table = parquet.ParquetFile(path)
        except (pa.ArrowException, OSError) as error:
            message = f"{path}: is no Parquet file that can be read: {error}"
            raise FileRefused(message) from error
        self.size = path.stat().st_size
        self._hash = hashlib.sha256()
        self._position = 0
        self._records: Iterator[list[dict[str, Any]]] = self._batches()

    @property
    def columns(self) -> Sequence[str]:
        """The names of the columns."""
        names: list[str] = self._table.schema_arrow.names
        return names

    def longest(self, marks: Iterable[Mark]) -> Mark | None:
        """Return the furthest of these marks that fits what the file holds."""
        wanted = {mark.position: mark for mark in marks if mark.position <= self._table.metadata.num_rows}
        by_place: dict[int, set[str]] = {}
        for mark in marks:
            by_place.setdefault(mark.position, set()).add(mark.digest)
        digest, at, found, last = hashlib.sha256(), 0, None, max(wanted, default=0)
        for records in self._batches() if wanted else ():
            for record in records:
                digest.update(_encode(record))
                at += 1
                if at in wanted and digest.hexdigest() in by_place[at]:
                    found = Mark(at, at, digest.hexdigest())
            if at >= last:
                break
        return found

    def skip_to(self, mark: Mark) -> None:
        """Go on behind a mark that fits."""
        while self._position < mark.position:
            records = next(self._records)
            taken = records[: mark.position - self._position]
            self._pass(taken)
            if len(taken) < len(records):
                self._records = itertools.chain([records[len(taken) :]], self._records)

    def part(self) -> Part | None:
        """Return the next rows; None at the end."""
        records = next(self._records, None)
        if records is None:
            return None
        before = self._position
        self._pass(records)
        rows = [Row(before + number, record) for number, record in enumerate(records, 1)]
        return Part(rows, [], Mark(self._position, self._position, self._hash.hexdigest()))

    def bytes_read(self) -> int:
        """Return how much of the file has been read, in proportion to its rows."""
        return self.size * self._position // max(1, int(self._table.metadata.num_rows))

    def close(self) -> None:
        """Let go of the file."""
        self._table.close()

    def _pass(self, records: list[dict[str, Any]]) -> None:
        for record in records:
            self._hash.update(_encode(record))
        self._position += len(records)

    def _batches(self) -> Iterator[list[dict[str, Any]]]:
        try:
            for batch in self._table.iter_batches(batch_size=PART_ROWS):
                yield self._dicts(batch)
        except (self._pa.ArrowException, OSError) as error:
            message = f"{self.path}: cannot be read behind row {self._position}: {error}"
            raise FileRefused(message) from error

    def _dicts(self, batch: Any) -> list[dict[str, Any]]:
        names = batch.schema.names
        columns = [self._values(column) for column in batch.columns]
        return [
            {name: value for name, value in zip(names, values, strict=True) if value is not None}
            for values in zip(*columns, strict=True)
        ]

    def _values(self, column: Any) -> list[Any]:
        kind, types = column.type, self._pa.types
        if types.is_timestamp(kind) and kind.unit == "ns":
            column = column.cast(self._pa.timestamp("us", kind.tz), safe=False)
        if types.is_dictionary(kind):
            column = column.dictionary_decode()
        if column.null_count == 0 and (types.is_integer(kind) or types.is_floating(kind)):
            values: list[Any] = column.to_numpy(zero_copy_only=False).tolist()  # many times as fast
            return values
        listed: list[Any] = column.to_pylist()
        return listed
