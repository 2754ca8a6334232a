"""
The query port: ClickHouse's HTTP protocol over the embedded engine, to read and only to read.

Only the store process can open chDB's directory. Everybody else on the machine (notebooks, the CLI, `curl`,
Grafana, DBeaver) asks it here, with any ClickHouse client:

    curl -u trackway:$TOKEN 'http://127.0.0.1:8079/?query=SELECT+count()+FROM+events'

A request goes through `request` (what is asked), `guard` (whether it may run), `runner` (the query, on a
connection of its own), and `app` (HTTP around them). What keeps it read only, each a test in
tests/collector/query_port:

1. It listens on loopback, answers only to a loopback `Host` (a page in a browser cannot reach it by rebinding
   a DNS name), and asks for the token always.
2. The engine's own parser says what a statement is: exactly one that reads.
3. Every function in its syntax tree is looked up: none that reads files, calls out, or runs text as SQL.
4. It runs under `readonly=1`, which nothing in a query can undo, with only harmless settings accepted before
   that.
"""

from __future__ import annotations

from trackway_collector.query_port.app import make_query_app

__all__ = ["make_query_app"]
