"""
Which files are imported, and how far: marks in `<data_dir>/imports/<id>.json`, one file for each import.

The truth of an import that was killed is in its spool: `settle` takes the mark of the last record there. It is called
with the spool's lock held, so there is only one import at a time, and never two that write here.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path

import msgspec

from trackway_collector.imports.rows import Mark
from trackway_collector.spool import SpoolReader
from trackway_collector.spool.layout import make_directory_durably, segment_numbers, write_durably
from trackway_collector.spool.record import ImportMark

DIRECTORY = "imports"
MOST_EARLIER = 1_000
"""Places kept of a file that grows again and again."""


class Entry(msgspec.Struct):
    """One file that is imported, wholly or as far as it was when the import stopped."""

    id: str
    name: str
    """Of the file when it was last imported; people read it, nothing else does."""
    source: str
    environment: str
    mapping: str
    """SHA-256 of the mapping; empty without one."""
    form: str
    position: int = 0
    line: int = 0
    digest: str = ""
    rows: int = 0
    refused: int = 0
    earlier: list[Mark] = []
    """Where it was left before it had grown: as it was then, the file may come again."""

    @property
    def mark(self) -> Mark:
        """How far it is imported."""
        return Mark(self.position, self.line, self.digest)

    def begun_at(self, mark: Mark) -> Entry:
        """Return a new entry for a file that has all of this one up to an earlier mark, and goes on otherwise."""
        place = {"position": mark.position, "line": mark.line, "digest": mark.digest, "rows": mark.line, "refused": 0}
        return msgspec.structs.replace(self, id=new_id(), earlier=[], **place)


@dataclass(frozen=True, slots=True)
class Ledger:
    """The marks of one data directory."""

    directory: Path

    def settle(self, spool: Path) -> None:
        """Keep the mark of the last record in the spool: what the last import, however it ended, has come to."""
        mark = last_mark(spool)
        if mark is None:
            return
        path = self._path(mark.id)
        if path.exists():
            entry = _read(path)
            if entry.position < mark.position:
                self.keep(entry, mark)

    def keep(self, entry: Entry, mark: ImportMark) -> None:
        """Move an entry's mark; it is durable on return."""
        if entry.position:
            entry.earlier = [*entry.earlier, entry.mark][-MOST_EARLIER:]
        entry.position, entry.line, entry.digest = mark.position, mark.line, mark.digest
        entry.rows, entry.refused = mark.rows, mark.refused
        self.write(entry)

    def write(self, entry: Entry) -> None:
        """Write an entry; it is durable on return."""
        make_directory_durably(self.directory)
        write_durably(self._path(entry.id), msgspec.json.encode(entry))

    def alike(self, entry: Entry) -> list[Entry]:
        """Return the entries of the same source, environment, mapping and form."""
        asked = (entry.source, entry.environment, entry.mapping, entry.form)
        found = [_read(path) for path in sorted(self.directory.glob("*.json"))]
        return [e for e in found if (e.source, e.environment, e.mapping, e.form) == asked]

    def report(self, entry: Entry) -> Path:
        """Where the rows stand that no event could be made of, unless somewhere else was asked for."""
        return self.directory / f"{entry.id}.refused.jsonl"

    def _path(self, entry_id: str) -> Path:
        return self.directory / f"{entry_id}.json"


def new_id() -> str:
    """Return the name of a new import."""
    return secrets.token_hex(8)


def last_mark(spool: Path) -> ImportMark | None:
    """Return the mark of the last record in a spool; None when it has none."""
    for segment in reversed(segment_numbers(spool)):
        reader, byte, mark = SpoolReader(spool), 0, None
        while (chunk := reader.read(segment, byte, max_events=100_000)) is not None and chunk.segment == segment:
            byte = chunk.to_byte
            for record, _ in chunk.blocks[-1].records():
                mark = record.imported or mark
        if mark is not None:
            return mark
    return None


def _read(path: Path) -> Entry:
    return msgspec.json.decode(path.read_bytes(), type=Entry)
