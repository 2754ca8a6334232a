"""One import: files into the spool of the historical lane, part by part, each with the mark that it comes to."""

from __future__ import annotations

import asyncio
import gc
import hashlib
import os
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from trackway_collector.errors import CollectorError, RequestRefused, SpoolFull
from trackway_collector.imports.events import Made, MakeEvents, as_they_are, mapped
from trackway_collector.imports.ledger import DIRECTORY, Entry, Ledger, new_id
from trackway_collector.imports.report import Report
from trackway_collector.imports.rows import FileRefused, Mark, Part, Refused, Rows, form_of
from trackway_collector.imports.text_rows import text_rows
from trackway_collector.ingest.privacy.steps import privacy_steps
from trackway_collector.ingest.verdicts.decode import BatchDecoder
from trackway_collector.mapping import EventMapping
from trackway_collector.mapping.event import CsvForm
from trackway_collector.outcomes import Outcome
from trackway_collector.spool import Record, SpoolWriter
from trackway_collector.spool.record import ImportMark, encode_record
from trackway_plan.environments import PRODUCTION
from trackway_plan.near import did_you_mean

SPOOL = "import-history"
"""The spool directory of imports; its name says that live events go first."""

ROOM_POLL_S = 0.5

Progress = Callable[[int, int], None]
"""Called with the bytes of the file that are read and the rows read, after each part."""


@dataclass(slots=True)
class Tally:
    """What became of the rows of one file, in this run."""

    file: str
    before: int = 0
    """Rows that were imported before this run."""
    refused_before: int = 0
    """Those of them that no event could be made of."""
    notes: list[str] = field(default_factory=list)
    """What is probably not meant so."""
    rows: int = 0
    refused: int = 0
    """Rows that no event could be made of; the report has them."""
    skipped: int = 0
    """Rows that the mapping says to leave out."""
    outcomes: Counter[str] = field(default_factory=Counter)
    """Outcome → events that are in the spool now."""
    report: Path | None = None
    """Where the refused rows are; None when there are none."""

    @property
    def events(self) -> int:
        """How many events are in the spool now."""
        return self.outcomes.total()


@dataclass(slots=True)
class Import:
    """
    What one run of the command needs for each of its files.

    The spool is `data_dir/spool/import-history`; one import at a time holds its lock.
    """

    data_dir: Path
    decoder: BatchDecoder
    source: str
    environment: str = PRODUCTION
    mapping: EventMapping | None = None
    mapping_text: bytes = b""
    hash_key: bytes | None = None
    report: Path | None = None
    again: bool = False
    """Take no notice of what is imported already."""
    dry_run: bool = False
    max_backlog_bytes: int = 8 * 1024**3
    soft_free_bytes: int = 0
    """Room on the disk that imports leave to live events: as the historical lane, they give way at the soft mark."""
    store_runs: Callable[[], bool] = lambda: False
    """Whether somebody empties the spool: then a full one is waited for."""
    stop: Callable[[], bool] = lambda: False
    """Asked between parts."""

    def run(self, path: Path, progress: Progress = lambda done, rows: None) -> Tally:
        """
        Import what is new in a file.

        Raises:
            FileRefused: the file cannot be imported, or not any further.
            SpoolError: another import is at work here, the disk refuses, or the spool is full and nobody empties it.
        """
        rows = self._open(path)
        thresholds = gc.get_threshold()
        # Rows are many small objects that hold no cycles; looking for them costs a tenth.
        gc.set_threshold(100_000, *thresholds[1:])
        try:
            if self.dry_run:
                return asyncio.run(self._judge_only(path, rows, progress))
            return asyncio.run(self._import(path, rows, progress))
        finally:
            gc.set_threshold(*thresholds)
            rows.close()

    def _open(self, path: Path) -> Rows:
        form = form_of(path)
        if self.mapping is None and form != "jsonl":
            message = f"{path}: rows of {form} become events by a mapping.\n{starter(path, form)}"
            raise FileRefused(message)
        if form == "parquet":
            from trackway_collector.imports.table_rows import TableRows

            return TableRows(path)
        rows: Rows = text_rows(path, form, self.mapping.csv if self.mapping is not None else CsvForm())
        return rows

    def _notes(self, path: Path, rows: Rows) -> list[str]:
        """Say which columns the mapping takes values from and the file does not have."""
        columns = rows.columns
        if self.mapping is None or not columns:
            return []
        return [
            f"{path.name} has no column `{names[0]}`, which the mapping names.{did_you_mean(names[0], columns)}"
            for names in self.mapping.fields
            if names and not set(names) & set(columns)
        ]

    def _make(self) -> MakeEvents:
        if self.mapping is None:
            return as_they_are
        live = self.decoder.live
        return mapped(self.mapping, live.newest if live else None)

    async def _judge_only(self, path: Path, rows: Rows, progress: Progress) -> Tally:
        tally, make = Tally(path.name, notes=self._notes(path, rows)), self._make()
        while (part := rows.part()) is not None and not self.stop():
            self._judged(part, make, tally)
            progress(rows.bytes_read(), tally.rows)
        return tally

    async def _import(self, path: Path, rows: Rows, progress: Progress) -> Tally:
        ledger, spool = Ledger(self.data_dir / DIRECTORY), self.data_dir / "spool" / SPOOL
        writer = SpoolWriter(spool, max_backlog_bytes=self.max_backlog_bytes)
        writer.start()
        try:
            ledger.settle(spool)
            entry = self._entry(ledger, path, rows)
            tally, make = Tally(path.name, entry.rows, entry.refused, self._notes(path, rows)), self._make()
            report = Report(self.report or ledger.report(entry), path.name, entry.line)
            committed: asyncio.Future[None] | None = None
            mark: ImportMark | None = None
            while (part := rows.part()) is not None:
                judged = self._judged(part, make, tally)
                if mark is None:
                    ledger.write(entry)  # before the report and the first record that belong to it
                report.add(sorted(part.refused))
                mark = _mark(entry, part.mark, tally)
                # The one before must be durable first: a mark says that all before it is there.
                if committed is not None:
                    await committed
                    committed = None
                if judged is not None:
                    record, body = judged
                    meta = encode_record(msgspec.structs.replace(record, imported=mark))
                    committed = await self._append(writer, meta, body, record.events)
                progress(rows.bytes_read(), tally.rows)
                if self.stop():
                    break
            if committed is not None:
                await committed
            if mark is not None:
                ledger.keep(entry, mark)
            tally.report = report.path if report.path.exists() else None
            return tally
        finally:
            await writer.close()

    def _entry(self, ledger: Ledger, path: Path, rows: Rows) -> Entry:
        """Return the entry of the file, with `rows` where it says to go on."""
        mapping = hashlib.sha256(self.mapping_text).hexdigest() if self.mapping is not None else ""
        entry = Entry(new_id(), path.name, self.source, self.environment, mapping, rows.form)
        known = [] if self.again else ledger.alike(entry)
        marks = {mark for other in known for mark in (other.mark, *other.earlier) if mark.position}
        mark = rows.longest(marks) if marks else None
        if mark is None:
            # One that was killed before its first row was stored has left its report: it is gone on with.
            return next((other for other in known if not other.position and other.name == path.name), entry)
        at_end = next((other for other in known if other.mark == mark), None)
        found = at_end or next(other for other in known if mark in other.earlier).begun_at(mark)
        found.name = path.name
        rows.skip_to(mark)
        return found

    def _judged(self, part: Part, make: MakeEvents, tally: Tally) -> tuple[Record, bytes] | None:
        """Return the record of a part's events; None when there are none. What has to be reported is added to it."""
        tally.rows += len(part.rows) + len(part.refused)
        events = make(part)
        tally.skipped += events.skipped
        judged = self._record(events) if events else None
        if judged is not None:
            for position, verdict in judged[0].exceptions.items():
                if verdict.outcome == Outcome.REJECTED:
                    part.refused.append(Refused(events.lines[position], " ".join(verdict.reasons)))
            _count(judged[0], tally)
        tally.refused += len(part.refused)
        return judged

    def _record(self, events: Made) -> tuple[Record, bytes]:
        body = b'{"batch":[' + b",".join(events) + b"]}"
        record, body = self.decoder.decode(
            body, call="", source=self.source, received_at_us=time.time_ns() // 1000, environment=self.environment
        )
        return privacy_steps(record, body, self.decoder.policies.of(self.source).privacy, self.hash_key)

    async def _append(self, writer: SpoolWriter, meta: bytes, body: bytes, events: int) -> asyncio.Future[None]:
        while True:
            try:
                self._check_disk(writer.directory)
                return writer.append(meta, body, events)
            except SpoolFull:
                if not self.store_runs() or self.stop():
                    raise
                await asyncio.sleep(ROOM_POLL_S)
                writer.refresh_backlog()

    def _check_disk(self, directory: Path) -> None:
        if self.soft_free_bytes:
            found = os.statvfs(directory)
            if found.f_bavail * found.f_frsize < self.soft_free_bytes:
                message = (
                    f"{directory}: the disk has less than {self.soft_free_bytes} bytes left, and live events need them"
                )
                raise SpoolFull(message)


def _mark(entry: Entry, mark: Mark, tally: Tally) -> ImportMark:
    # `tally` counts this run, `entry` what was before it: the entry is only moved when the run ends.
    return ImportMark(
        entry.id, mark.position, mark.line, mark.digest, entry.rows + tally.rows, entry.refused + tally.refused
    )


def _count(record: Record, tally: Tally) -> None:
    tally.outcomes[record.verdict] += record.events - len(record.exceptions)
    for verdict in record.exceptions.values():
        if verdict.outcome != Outcome.REJECTED:
            tally.outcomes[verdict.outcome] += 1
    tally.outcomes = +tally.outcomes


def starter(path: Path, form: str) -> str:
    """Return the mapping to begin with, for the columns that the file has."""
    columns: list[str] = []
    if form == "csv":
        rows = text_rows(path, "csv", CsvForm())
        try:
            columns = rows.columns
        except (CollectorError, RequestRefused):
            columns = []
        finally:
            rows.close()
    lines = ["mapping: 1", "source: …", "event: …", "userId: $…", "timestamp: $…", "properties:"]
    lines += [f"  {name.lower().replace(' ', '_')}: ${name}" for name in columns] or ["  …: $…"]
    return "  Write one and name it with --mapping; docs/import.md explains it. It may begin so:\n\n" + "\n".join(
        f"    {line}" for line in lines
    )
