"""What a call must have become in the table `events`, by the wire it came over."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from tests.clients.catalogue import Client
from tests.clients.journey import Call

Row = dict[str, Any]


def differences(client: Client, call: Call, row: Row) -> list[str]:
    """Return a line for each thing that is not as the client's program said."""
    wanted = _EXPECTED[client.wire](call)
    found = {name: _found(row, name, wanted[name]) for name in wanted}
    return [f"{name}: {found[name]!r} instead of {wanted[name]!r}" for name in wanted if found[name] != wanted[name]]


def _segment(call: Call) -> Row:
    context = call["context"]
    kind = call["call"]
    return {
        "type": kind,
        "event": call.get("event", f"${kind}"),
        "name": call.get("name", ""),
        "user_id": call["userId"],
        **({"anonymous_id": call["anonymousId"]} if "anonymousId" in call else {}),
        "previous_id": call.get("previousId", ""),
        "group_id": call.get("groupId", ""),
        "original_timestamp": datetime.fromisoformat(call["timestamp"]),
        "timestamp": datetime.fromisoformat(call["timestamp"]),
        "locale": context["locale"],
        **{f"campaign_{name}": text for name, text in context["campaign"].items()},
        "context": {"shop": context["shop"]},
        "properties": call.get("properties", {}),
        "traits": call.get("traits", {}),
        "verdict": "unplanned",
        "misfits": {},
    }


def _found(row: Row, name: str, wanted: Any) -> Any:
    """Return a column's value; of objects what was asked for, since clients add things of their own."""
    value = row[name]
    if not isinstance(wanted, dict):
        return value
    read = json.loads(value or "{}") if isinstance(value, str) else value
    return {key: read[key] for key in wanted if key in read}


_EXPECTED = {"segment": _segment, "posthog": _segment, "snowplow": _segment}
