"""
The columns that come from an event's `context`, as a piece of the row's JSON.

Clients send the same context with event after event, so pieces are remembered by the context's bytes.
"""

from __future__ import annotations

from typing import Any

import msgspec

# Where a column's value stands in the context. What has no column stays in the `context` column as JSON text.
_TEXT_COLUMNS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("library_name", ("library", "name")),
    ("library_version", ("library", "version")),
    ("page_url", ("page", "url")),
    ("page_path", ("page", "path")),
    ("page_title", ("page", "title")),
    ("page_referrer", ("page", "referrer")),
    ("page_search", ("page", "search")),
    ("campaign_source", ("campaign", "source")),
    ("campaign_medium", ("campaign", "medium")),
    ("campaign_name", ("campaign", "name")),
    ("campaign_term", ("campaign", "term")),
    ("campaign_content", ("campaign", "content")),
    ("user_agent", ("userAgent",)),
    ("ip", ("ip",)),
    ("locale", ("locale",)),
    ("timezone", ("timezone",)),
    ("device_type", ("device", "type")),
    ("device_manufacturer", ("device", "manufacturer")),
    ("device_model", ("device", "model")),
    ("device_id", ("device", "id")),
    ("os_name", ("os", "name")),
    ("os_version", ("os", "version")),
    ("app_name", ("app", "name")),
    ("app_version", ("app", "version")),
    ("session_id", ("sessionId",)),
)
_COUNT_COLUMNS: tuple[tuple[str, tuple[str, ...], int], ...] = (
    ("screen_width", ("screen", "width"), 2**16),
    ("screen_height", ("screen", "height"), 2**16),
    ("plan_rev", ("protocols", "rev"), 2**32),
)

_MAX_REMEMBERED_BYTES = 16 * 1024 * 1024
# A larger context is hardly the same for two events.
_WORTH_REMEMBERING_BYTES = 2 * 1024
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


class ContextColumns:
    """Turns contexts into `,"column":value…` pieces."""

    def __init__(self) -> None:
        self._remembered: dict[bytes, bytes] = {}
        self._remembered_bytes = 0

    def piece(self, context: bytes, envelope: bytes = b"") -> bytes:
        """
        Return the row's piece for an event's context, merged over its batch's; empty for an empty context.

        Args:
            context: the event's context as JSON; empty when it has none.
            envelope: the batch's context as JSON; its fields count where the event has none of its own.
        """
        if envelope:
            return _columns(_object(envelope) | _object(context))
        known = self._remembered.get(context)
        if known is None:
            known = _columns(_object(context))
            if len(context) <= _WORTH_REMEMBERING_BYTES:
                self._remember(context, known)
        return known

    def _remember(self, context: bytes, piece: bytes) -> None:
        self._remembered_bytes += len(context) + len(piece)
        if self._remembered_bytes > _MAX_REMEMBERED_BYTES:
            self._remembered.clear()
            self._remembered_bytes = len(context) + len(piece)
        self._remembered[context] = piece


def _object(context: bytes) -> dict[str, Any]:
    value = _decode(context) if context else {}
    return value if isinstance(value, dict) else {"context": value} if value is not None else {}


def _columns(context: dict[str, Any]) -> bytes:
    columns: dict[str, Any] = {}
    for column, path in _TEXT_COLUMNS:
        value = _take(context, path)
        if type(value) is str:
            columns[column] = value
        elif type(value) in (int, float):
            columns[column] = str(value)
        elif value is not None:
            _put_back(context, path, value)
    for column, path, limit in _COUNT_COLUMNS:
        value = _take(context, path)
        if type(value) is int and 0 <= value < limit:
            columns[column] = value
        elif value is not None:
            _put_back(context, path, value)
    rest = {name: value for name, value in context.items() if value not in (None, {})}
    if rest:
        columns["context"] = _encode(rest).decode()
    return b"," + _encode(columns)[1:-1] if columns else b""


def _take(context: dict[str, Any], path: tuple[str, ...]) -> Any:
    """Remove and return a value; the context is ours to change, it was decoded for this."""
    holder: Any = context
    for name in path[:-1]:
        holder = holder.get(name)
        if not isinstance(holder, dict):
            return None
    return holder.pop(path[-1], None)


def _put_back(context: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    holder = context
    for name in path[:-1]:
        holder = holder[name]
    holder[path[-1]] = value
