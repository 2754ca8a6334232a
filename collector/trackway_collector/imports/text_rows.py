"""JSON lines and CSV. A position counts bytes of the unpacked content, and a mark lies at the beginning of a line."""

from __future__ import annotations

import csv
import hashlib
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from trackway_collector.imports.rows import PART_BYTES, PART_ROWS, FileRefused, Mark, Part, Refused, Row, open_plain
from trackway_collector.mapping.event import CsvForm

BLOCK_BYTES = 1024 * 1024
MAX_LINE_BYTES = 16 * 1024 * 1024
MAX_CELL_CHARS = 1024 * 1024
_BOM = b"\xef\xbb\xbf"


class _TextRows:
    """What JSON lines and CSV have in common: lines, positions, digests."""

    form = "text"

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._content, self._file = open_plain(path)
            self.size = path.stat().st_size
        except OSError as error:
            message = f"{path}: {error.strerror}."
            raise FileRefused(message) from error
        self._hash = hashlib.sha256()
        self._position = 0
        self._line = 0
        self._cut_row = False

    def longest(self, marks: Iterable[Mark]) -> Mark | None:
        """Return the furthest of these marks that fits what the file holds."""
        digest, at, found = hashlib.sha256(), 0, None
        self._content.seek(0)
        for mark in sorted(marks):
            while at < mark.position:
                block = self._read(min(BLOCK_BYTES, mark.position - at))
                if not block:
                    return found  # it is shorter than what was imported then
                digest.update(block)
                at += len(block)
            if digest.hexdigest() == mark.digest:
                found = mark
        return found

    def skip_to(self, mark: Mark) -> None:
        """Go on behind a mark that fits."""
        self._content.seek(0)
        last = b"\n"
        while self._position < mark.position:
            block = self._read(min(BLOCK_BYTES, mark.position - self._position))
            self._hash.update(block)
            self._position += len(block)
            last = block[-1:]
        self._line = mark.line
        # The file ended there in the middle of a line, or without a line break behind its last one.
        self._cut_row = last != b"\n"

    def bytes_read(self) -> int:
        """Return how much of the file, as it lies on the disk, has been read."""
        return self._file.tell()

    def close(self) -> None:
        """Let go of the file."""
        self._content.close()
        self._file.close()

    def _lines(self) -> Iterator[bytes]:
        """Yield the lines from where the file stands, each with its line break, some thousand read at a time."""
        rest = b""
        while block := self._read(BLOCK_BYTES):
            block = rest + block if rest else block
            cut = block.rfind(b"\n") + 1
            rest = block[cut:]
            if len(rest) > MAX_LINE_BYTES:
                message = f"{self.path}: a line is longer than {MAX_LINE_BYTES // 1024**2} MiB; these are no lines."
                raise FileRefused(message)
            if cut:
                yield from block[:cut].splitlines(keepends=True) if b"\r" not in block else _split(block[:cut])
        if rest:
            yield rest

    def _read(self, count: int) -> bytes:
        try:
            return self._content.read(count)
        except (OSError, EOFError, zlib.error) as error:
            message = f"{self.path}: cannot be read behind byte {self._position}: {error}."
            raise FileRefused(message) from error

    def _passed(self, lines: Sequence[bytes]) -> Mark:
        """Move behind these lines."""
        content = b"".join(lines)
        self._hash.update(content)
        self._position += len(content)
        return Mark(self._position, self._line, self._hash.hexdigest())

    def _rest_of_cut_row(self, line: bytes) -> Refused | None:
        """What to say of the rest of a line whose beginning an earlier import took for a row; None for a line break."""
        self._cut_row = False
        if not line.strip():
            return None
        return Refused(self._line, "an earlier import took the first part of this line, which then ended the file")


def _split(block: bytes) -> list[bytes]:
    return [line + b"\n" for line in block.split(b"\n")[:-1]]


class JsonRows(_TextRows):
    """JSON lines: the record of a row is the bytes of its line."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._source: Iterator[bytes] | None = None

    @property
    def columns(self) -> Sequence[str]:
        """None: each line says what it has."""
        return ()

    def part(self) -> Part | None:
        """Return the next rows; None at the end."""
        if self._source is None:
            self._content.seek(self._position)
            self._source = self._lines()
        part, lines, size = Part(), [], 0
        for line in self._source:
            lines.append(line)
            size += len(line)
            if self._cut_row:
                if refused := self._rest_of_cut_row(line):
                    part.refused.append(refused)
                continue
            self._line += 1
            record = line.strip() if self._line > 1 else line.removeprefix(_BOM).strip()
            if record:
                part.rows.append(Row(self._line, record))
            if len(part.rows) >= PART_ROWS or size >= PART_BYTES:
                break
        if not lines:
            return None
        part.mark = self._passed(lines)
        return part


class CsvRows(_TextRows):
    """CSV: the record of a row is a dict by the header's names; an empty cell is a missing field."""

    def __init__(self, path: Path, form: CsvForm) -> None:
        super().__init__(path)
        self._csv = form if path.suffix != ".tsv" or form.delimiter != "," else CsvForm("\t", form.quote, form.encoding)
        self._header: list[str] = list(form.header)
        self._taken: list[bytes] = []
        self._unfinished: list[Refused] = []
        self._rows: Iterator[list[str]] | None = None
        csv.field_size_limit(MAX_CELL_CHARS)

    @property
    def columns(self) -> list[str]:
        """
        The names of the columns.

        Raises:
            FileRefused: there is no header, or one that cannot be used.
        """
        if not self._header:
            self._content.seek(0)
            first = next(self._reader(self._lines()), None)
            if not first:
                message = f"{self.path}: there is no header line."
                raise FileRefused(message)
            self._header = [name.strip() for name in first]
            self._taken.clear()
            self._line = 0
        twice = {name for name in self._header if self._header.count(name) > 1}
        if twice or "" in self._header:
            what = f"has `{sorted(twice)[0]}` twice" if twice else "has a column without a name"
            message = (
                f"{self.path}: the header {what}.\n  Give each column a name of its own: in the file, or in the"
                " mapping under `csv: {header: […]}`."
            )
            raise FileRefused(message)
        return self._header

    def skip_to(self, mark: Mark) -> None:
        """Go on behind a mark that fits."""
        _ = self.columns  # it is at the beginning of the file
        super().skip_to(mark)

    def part(self) -> Part | None:
        """Return the next rows; None at the end."""
        if self._rows is None:
            self._rows = self._begin()
        header = self.columns
        width, part, rows, refused = len(header), Part(), 0, 0
        before = self._line
        while rows + refused < PART_ROWS:
            try:
                cells = next(self._rows)
            except StopIteration:
                break
            except csv.Error as error:
                part.refused.append(Refused(self._line, f"is not CSV: {error}"))
                refused += 1
                continue
            first_line, before = before + 1, self._line
            if len(cells) == width:
                # An empty cell is a missing field: CSV has no other way to say so.
                record = {name: cell for name, cell in zip(header, cells, strict=True) if cell}
                part.rows.append(Row(first_line, record))
                rows += 1
            elif cells:
                reason = f"has {len(cells)} cells, and the header has {width}"
                part.refused.append(Refused(first_line, reason))
                refused += 1
        if not self._taken:
            return None
        part.mark = self._passed(self._taken)
        part.refused += self._unfinished
        self._taken.clear()
        self._unfinished.clear()
        return part

    def _begin(self) -> Iterator[list[str]]:
        header, given = self.columns, bool(self._csv.header)
        self._content.seek(self._position)
        rows = self._reader(self._lines())
        if not self._position and not given:
            next(rows, None)  # the header line itself
        assert header  # noqa: S101
        return rows

    def _reader(self, lines: Iterator[bytes]) -> Iterator[list[str]]:
        return csv.reader(self._texts(lines), delimiter=self._csv.delimiter, quotechar=self._csv.quote)

    def _texts(self, lines: Iterator[bytes]) -> Iterator[str]:
        # The reader asks for a line when a row needs it and never ahead, so what it took belongs to the rows it gave.
        encoding, taken = self._csv.encoding, self._taken
        for line in lines:
            if self._cut_row:
                taken.append(line)
                if refused := self._rest_of_cut_row(line):
                    self._unfinished.append(refused)
                continue
            self._line += 1
            taken.append(line)
            text = line.decode(encoding, "surrogateescape")
            yield text.removeprefix("\ufeff") if self._line == 1 else text


def text_rows(path: Path, form: str, csv_form: CsvForm) -> Any:
    """Open a text file: JsonRows or CsvRows."""
    return JsonRows(path) if form == "jsonl" else CsvRows(path, csv_form)
