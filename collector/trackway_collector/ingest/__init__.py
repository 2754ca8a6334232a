"""
The ingest worker: HTTP in, spool out. It never talks to ClickHouse and does not import it.

    auth.py      write key → source
    decode.py    body → events, in one pass where the plan allows it
    judge.py     event → verdict: ok | flagged | unplanned | quarantined | rejected
    results.py   verdicts → the answer to clients that ask for a result per event
    losses.py    what clients report that they lost
    app.py       routes, answers
    worker.py    the process: start, serve, drain, stop
"""
