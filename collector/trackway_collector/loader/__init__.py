"""
From the spool to ClickHouse, every event exactly once. Runs in the store process.

    loop.py       read a chunk → rows → insert → the checkpoint moves; for ever
    sources.py    the spools: whose turn it is, how much waits, when a loaded segment goes
    starting.py   what is asked of the warehouse before anything can be loaded
    wire.py       a spool record taken apart
    row.py        one row to insert, and the two tables
    rows.py       one event → one row of `events` …
    quarantine.py … or of `quarantine`
    context.py    the columns that come from `context`
    renames.py    the names properties are stored under
    values.py     properties that fit their typed column, and misfits
    dedup.py      (source, messageId) seen in the last seven days
    key_filter.py the filter before those keys
    replays.py    quarantined events that come again, and what became of them
    delivery.py   one chunk into its tables, whatever the engine answers or fails to answer
    verify.py     counts the warehouse against the spool
"""
