"""
`trackway demo`: the whole way of an event on this machine, on bundled data, with a kill in the middle.

Read in this order:

    data/         three event logs that others made, with their origin and licence
    replay.py     rows of the logs → `Tracker.track` calls
    stack.py      `trackway up` in a process of its own: start, kill, start again
    ledger.py     sent = acked = stored, none lost, none twice
    questions.py  the four questions, asked of the same logs by the demo and by the console
    published.py  figures that others published about these logs, which the answers must meet
    finding.py    where and when did the shop's checkout break?
    report.py     all of it as terminal tables
    cli.py        the command: the steps above from top to bottom
"""
