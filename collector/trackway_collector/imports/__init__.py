"""
`trackway import`: rows of files become events, each exactly once.

    file ─ rows ─▶ mapping ─▶ batch ─▶ judge and privacy steps ─▶ spool/import ─▶ loader ─▶ events | quarantine
                └▶ a row that cannot be read or mapped, or is too large: the report, with line and reason

The spool is the door, as for a replay: no HTTP server is needed, only the data directory. It is a spool of its own, of
the historical lane, so that live events go first.

Once, and only once
-------------------
What is remembered of a file is a *mark*: so many bytes (of a table: rows) from its beginning, whose SHA-256 is this,
are imported as this source, in this environment, by this mapping. A file is known by what it holds, never by its name.
At the start the marks are held against the file; the longest that fits says where to go on. So one rule covers four
cases:

* the same file again, today or in a year: the mark is at its end, nothing is left to do;
* a file that has grown: what lies behind the mark is new;
* an import that was killed: what lies behind the mark had not been imported;
* another file: no mark fits.

The mark travels in the spool record with the events that it covers (`Record.imported`). One block, one fsync, and both
are there or neither is: a kill -9 at any moment cannot part them. A record is appended when the one before it is
durable, so a mark never covers events that a full disk refused. Whoever opens the spool next reads the mark of its last
record and keeps it in `<data_dir>/imports/<id>.json` (`ledger`). The loader never deletes a spool's newest segment that
holds a block, so the last record is there to be read.

Ids follow from the rows (`mapping.message_id`), so the loader tells rows that overlap between *different* files for the
seven days of its window; beyond that, a row that is in two files is two events.

    command.py  `trackway import`
    run.py      one file: parts of rows → records of the spool
    rows.py     what reads files: a part of some rows at a time, with its mark
    text_rows.py  JSON lines and CSV, packed by gzip or not
    table_rows.py Parquet
    events.py   rows to events as JSON
    ledger.py   marks: kept, found again, read from the spool
    report.py   the rows that did not become events
    progress.py the bar
"""
