"""
The ingest worker: HTTP in, spool out. It never talks to ClickHouse and does not import it.

    app.py       the application, put together of
    routes.py      … the routes for events, as one table
    requests.py    … a request's way from its first byte to its answer
    pages/         … everything that is no POST with events
    serving/     HTTP itself: sockets, connections, bodies, what every answer carries
    rules/       what requests go by: keys, policies of sources, plan; replaced when a file changes
    room/        whether there is room for a request
    adapters/    other products' wires, translated into ours
    webhooks/    providers' signed calls, made into events
    verdicts/    body → verdict on each event: ok | flagged | unplanned | quarantined | rejected
    privacy/     what may be known of people
    reports/     what is told of requests: results, losses, counts, log lines, dead letters
    worker.py    the process: start, serve, drain, stop
"""
