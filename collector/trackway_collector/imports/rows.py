"""
A file as parts of rows. Each part says where it ends and what SHA-256 the content up to there has, so that the import
can go on behind it another time.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, Protocol, cast

from trackway_collector.errors import CollectorError

PART_ROWS = 1_000
"""Rows in a part, at most: one batch of events, one record of the spool."""
PART_BYTES = 4 * 1024 * 1024

_GZIP = b"\x1f\x8b"
_PARQUET = b"PAR1"


class FileRefused(CollectorError):
    """A file that cannot be imported at all; the message says why and how to mend it."""


class Row(NamedTuple):
    """One row: its line in the file, and the record as the file has it."""

    line: int
    record: Any
    """bytes of a JSON line, or a dict."""


class Refused(NamedTuple):
    """A row that no event is made of."""

    line: int
    reason: str


class Mark(NamedTuple):
    """A place in a file, between two rows."""

    position: int = 0
    line: int = 0
    digest: str = ""


@dataclass(slots=True)
class Part:
    """Some consecutive rows."""

    rows: list[Row] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    mark: Mark = field(default_factory=Mark)
    """Behind the last of them."""


class Rows(Protocol):
    """An open file."""

    form: str
    """`text` or `table`: what a position counts."""
    size: int
    """Of the file, bytes."""

    @property
    def columns(self) -> Sequence[str]:
        """
        The names of the columns; none where rows are objects, which say for themselves what they have.

        Raises:
            FileRefused: there are no names, or none that can be used.
        """

    def longest(self, marks: Iterable[Mark]) -> Mark | None:
        """Return the furthest of these marks that fits what the file holds."""

    def skip_to(self, mark: Mark) -> None:
        """Go on behind a mark that fits; call it once, before the first part."""

    def part(self) -> Part | None:
        """
        Return the next rows; None at the end.

        Raises:
            FileRefused: the file cannot be read any further.
        """

    def bytes_read(self) -> int:
        """Return how much of the file, as it lies on the disk, has been read."""

    def close(self) -> None:
        """Let go of the file."""


def form_of(path: Path) -> str:
    """
    Return what a file is by its beginning and its name: `csv`, `jsonl` or `parquet`.

    Raises:
        FileRefused: it is none of them, or cannot be read.
    """
    try:
        with path.open("rb") as file:
            start = file.read(4)
    except OSError as error:
        message = f"{path}: {error.strerror}."
        raise FileRefused(message) from error
    if start == _PARQUET:
        return "parquet"
    suffixes = [suffix for suffix in path.suffixes if suffix != ".gz"]
    form = _FORMS.get(suffixes[-1] if suffixes else "")
    if form is None or form == "parquet":
        message = (
            f"{path}: this is no kind of file that can be imported.\n"
            f"  Known: {', '.join(_FORMS)}, packed by gzip or not (.gz)."
        )
        raise FileRefused(message)
    return form


_FORMS: Mapping[str, str] = {
    ".csv": "csv", ".tsv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl", ".parquet": "parquet",
}  # fmt: skip


def open_plain(path: Path) -> tuple[BinaryIO, BinaryIO]:
    """Return the file's content, unpacked, and the file as it lies on the disk."""
    file = path.open("rb")
    packed = file.read(2) == _GZIP
    file.seek(0)
    return (cast("BinaryIO", gzip.GzipFile(fileobj=file)), file) if packed else (file, file)
