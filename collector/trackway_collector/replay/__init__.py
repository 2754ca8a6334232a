"""
`trackway plan replay`: quarantined events once more, before a later revision of the plan.

    quarantine ─ waiting.sql ─▶ judge, by the later revision ─▶ those that fit ─▶ spool/replay ─▶ loader ─▶ events
                                                             └▶ the others stay where they are

The spool is the door: appended and fsynced there, an event goes the way of every event, and the store process stores
it exactly once, whichever engine it owns. Rows in `quarantine` stay; `replayed` says what became of them.

    replay.py    judging, and the record that goes into the spool
    command.py   the command
"""
