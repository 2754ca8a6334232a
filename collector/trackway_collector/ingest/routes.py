"""
Which path does what: Segment's HTTP API, read like its contract.

Every route of `EVENTS` is a POST and is served with `/v1` in front and without. Paths of other protocols are in
`adapters`, the pages for operators in `pages`; `app` puts all of them together.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Lane(StrEnum):
    """Which way events take to the store: what happens now is never behind what happened years ago."""

    LIVE = "live"
    HISTORICAL = "historical"


class Route(NamedTuple):
    """One path for events."""

    path: str
    call: str = ""
    """What the one event of the body is; empty: the body is a batch, whose events say it themselves."""
    lane: Lane = Lane.LIVE


EVENTS = (
    Route("/batch"),
    Route("/b"),  # browsers in batching mode, Kotlin, Swift
    Route("/import", lane=Lane.HISTORICAL),  # Ruby's default, too; it sends live events there
    Route("/track", "track"),
    Route("/t", "track"),  # what browsers really call
    Route("/identify", "identify"),
    Route("/i", "identify"),
    Route("/page", "page"),
    Route("/p", "page"),
    Route("/screen", "screen"),
    Route("/s", "screen"),
    Route("/group", "group"),
    Route("/g", "group"),
    Route("/alias", "alias"),
    Route("/a", "alias"),
)

PREFIXES = ("/v1", "")

BEACON = Route("/beacon/v1/batch")
"""POST; where RudderStack's browser client sends a batch while its page is closed."""

PIXELS = ("/v1/pixel/{call}", "/pixel/{call}", "/pixel/v1/{call}")
"""GET; one event in the query, answered with a picture. The last is RudderStack's."""

SDK_METRICS = "/m"
"""POST; what browser libraries measure about themselves, counted and not kept."""

SETTINGS = "/projects/{key}/settings"
"""GET; what a browser or an app asks before it sends anything."""
