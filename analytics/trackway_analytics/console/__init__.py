"""
The web console: one page that shows events arrive, with the four charts of the demo when its events are
there.

The store process hosts it on its own aiohttp application, listening on loopback:

    app.py      routes; thin, each reads one thing and answers
    guard.py    who may ask: Host, Origin, token, cookie; and the headers that every answer carries
    live.py     the numbers that move: one snapshot a second for all viewers together
    charts.py   the four questions as figure, table, semantics and SQL
    templates/  two pages, rendered by Jinja2 with autoescape
    static/     one style sheet, one script; plotly.js comes from the Python package `plotly`
"""

from __future__ import annotations

from trackway_analytics.console.app import setup

__all__ = ["setup"]
