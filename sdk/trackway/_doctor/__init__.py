"""
`trackway doctor`: what stands between this program and its events in the warehouse, tried for real, in order.

    settings → plan → disk → name → connection → TLS → collector → key → clock → revision → event → found

`settings` reads what a tracker would read; `disk` looks at its queue; `network` goes as far as the collector's door;
`collector` asks it who it is and what it knows; `event` sends a test event through the real SDK and finds it again.
`examine` has the order, and `command` prints what it finds.
"""
