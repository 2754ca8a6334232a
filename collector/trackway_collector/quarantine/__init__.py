"""
`trackway quarantine`: what was set aside, why, and how it comes in after all.

    list     by reason, with counts and an example
    show     one event, whole
    replay   `trackway plan replay`, with a fix or without (see `replay`)

    found.py    what the warehouse is asked
    command.py  the commands
"""
