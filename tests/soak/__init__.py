"""
`make soak`: a whole Trackway under load for as long as one likes, while everything it stands on breaks.

    clients.py   processes that send, resend what was not acknowledged, and hold every acknowledged event as a debt
    faults.py    what is broken: processes, ClickHouse, the disk, the clock
    books.py     what must be true at the end: acknowledged = stored, nothing twice, every book balanced
    __main__.py  the run

Nothing here replaces a part of Trackway: the processes are real, the server is a real ClickHouse, the full disk is a
file system without room. The clock is the one exception: nobody may set the machine's, so `clock/sitecustomize.py`
shifts what Python's `time` answers in Trackway's processes.
"""
