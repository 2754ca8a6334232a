"""What every client is told to send: the six calls of Segment's spec in two waves, with values easy to spoil."""

from __future__ import annotations

from typing import Any

Call = dict[str, Any]

CALLS = ("identify", "track", "group", "page", "screen", "alias")
UNLUCKY_USER, LUCKY_USER = "ana", "bo"
ANONYMOUS = "anon-7f3a"

CONTEXT = {
    "locale": "el-GR",
    "campaign": {"name": "spring", "source": "letter", "medium": "post"},
    "shop": {"city": "Θεσσαλονίκη", "tables": 12},
}
PROPERTIES = {
    "order": "o-17",
    "total": 129.95,
    "items": 3,
    "tiny": 0.0000001,
    "express": True,
    "note": 'quotes " and \\ and \n, 茶 😀',
    "teas": ["sencha", "earl grey"],
    "ship": {"to": "Łódź", "days": 2},
}
TRAITS = {"name": "Ana Ćosić", "plan": "gold", "visits": 4}
COMPANY = {"name": "Teahouse", "employees": 9}
PAGE = {"url": "http://shop.example/tea?x=1&y=%20", "path": "/tea", "title": "Tea"}
SCREEN = {"tab": "cups"}


def waves(calls: tuple[str, ...] = CALLS) -> list[list[Call]]:
    """Return those of the calls that a client has; `call` is the method's name."""
    first = {"userId": UNLUCKY_USER, "context": CONTEXT}
    second = {"userId": LUCKY_USER, "context": CONTEXT}
    both = [
        [
            {"call": "identify", **first, "anonymousId": ANONYMOUS, "traits": TRAITS, "timestamp": _at(0)},
            {"call": "track", **first, "event": "Order Completed", "properties": PROPERTIES, "timestamp": _at(1)},
            {"call": "group", **first, "groupId": "teahouse", "traits": COMPANY, "timestamp": _at(2)},
        ],
        [
            {"call": "page", **second, "name": "Tea", "properties": PAGE, "timestamp": _at(3)},
            {"call": "screen", **second, "name": "Cups", "properties": SCREEN, "timestamp": _at(4)},
            {"call": "alias", **second, "previousId": ANONYMOUS, "timestamp": _at(5)},
        ],
    ]
    return [[call for call in wave if call["call"] in calls] for wave in both]


def schema(name: str) -> str:
    """Return the Iglu address under which Snowplow's tracker sends a thing."""
    return f"iglu:com.example/{name}/jsonschema/1-0-0"


def _at(second: int) -> str:
    return f"2026-05-19T10:20:0{second}.123+00:00"
