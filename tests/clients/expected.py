"""What a call must have become in the table `events`, by the wire it came over."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from tests.clients.catalogue import Client
from tests.clients.journey import Call, schema

Row = dict[str, Any]


def differences(client: Client, call: Call, row: Row) -> list[str]:
    """Return a line for each thing that is not as the client's program said."""
    wanted = _EXPECTED[client.wire](call)
    found = {name: _found(row, name, wanted[name]) for name in wanted}
    return [f"{name}: {found[name]!r} instead of {wanted[name]!r}" for name in wanted if found[name] != wanted[name]]


def _of_all(call: Call) -> Row:
    happened_at = datetime.fromisoformat(call["timestamp"])
    return {
        "type": call["call"],
        "event": call.get("event", f"${call['call']}"),
        "name": call.get("name", ""),
        "user_id": call["userId"],
        "previous_id": call.get("previousId", ""),
        "group_id": call.get("groupId", ""),
        "original_timestamp": happened_at,
        "timestamp": happened_at,
        "properties": call.get("properties", {}),
        "traits": call.get("traits", {}),
        "verdict": "unplanned",
        "misfits": {},
    }


def _segment(call: Call) -> Row:
    context = call["context"]
    return {
        **_of_all(call),
        **({"anonymous_id": call["anonymousId"]} if "anonymousId" in call else {}),
        "locale": context["locale"],
        **{f"campaign_{name}": text for name, text in context["campaign"].items()},
        "context": {"shop": context["shop"]},
    }


def _posthog(call: Call) -> Row:
    """PostHog's pages have a title and no name, and who speaks for a group is nobody that one could count."""
    expected = _of_all(call)
    if call["call"] == "page":
        expected |= {"name": "", "page_title": call["properties"]["title"]}
    if call["call"] == "group":
        expected |= {"user_id": "", "anonymous_id": call["userId"]}
    return expected


def _snowplow(call: Call) -> Row:
    """Snowplow names events as schemas are named; a page view says its address and title in the tracker's fields."""
    expected = _of_all(call)
    if call["call"] == "track":
        expected["event"] = call["event"].lower().replace(" ", "_")
    if call["call"] == "page":
        url, title = call["properties"]["url"], call["name"]
        expected |= {"name": "", "page_url": url, "page_title": title, "properties": {}}
    if call["call"] == "screen":
        expected["properties"] = {}
    return expected | {"context.snowplow.contexts": [{"schema": schema("context"), "data": call["context"]}]}


def _found(row: Row, name: str, wanted: Any) -> Any:
    """Return a column's value; of objects what was asked for, since clients add things of their own."""
    column, *path = name.split(".")
    value = row[column]
    if not path and not isinstance(wanted, dict):
        return value
    read = json.loads(value or "{}") if isinstance(value, str) else value
    for member in path:
        read = read.get(member, {})
    return {key: read[key] for key in wanted if key in read} if isinstance(wanted, dict) else read


_EXPECTED = {"segment": _segment, "posthog": _posthog, "snowplow": _snowplow}
