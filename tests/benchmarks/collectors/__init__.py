"""
Our collector beside other servers that take events over HTTP: how fast, what it costs, and what a 200 is worth.

    servers.py   how each is installed, configured, started; what it keeps of what it said yes to
    run.py       drives each, kills each, counts
    report.py    the tables of docs/compare_collectors.md
"""
