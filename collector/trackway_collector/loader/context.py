"""
The columns that come from an event's `context`, and what enrichment adds to them, as a piece of the row's JSON.

Clients send the same context with event after event, so pieces are remembered by the context's bytes.
"""

from __future__ import annotations

from typing import Any

import msgspec

from trackway_collector.enrich import Enrichment
from trackway_collector.spool.record import Client

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
_CLIENT_BYTES = 512
# A larger context is hardly the same for two events.
_WORTH_REMEMBERING_BYTES = 2 * 1024
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


class ContextColumns:
    """
    Turns contexts into `,"column":value…` pieces.

    Args:
        enrichment: what fills the columns that the client left empty; by default with this package's rules.
    """

    def __init__(self, enrichment: Enrichment | None = None) -> None:
        self._enrich = (enrichment or Enrichment()).fill
        self._remembered: dict[bytes | tuple[bytes, bytes, Client | None], bytes] = {}
        self._remembered_bytes = 0

    def piece(self, context: bytes, envelope: bytes = b"", client: Client | None = None) -> bytes:
        """
        Return the row's piece for an event's context, merged over its batch's; empty for an empty context.

        Args:
            context: the event's context as JSON; empty when it has none.
            envelope: the batch's context as JSON; its fields count where the event has none of its own.
            client: the person's own device, if that sent the event.
        """
        key = (context, envelope, client) if envelope or client is not None else context
        known = self._remembered.get(key)
        if known is None:
            known = self._made(_object(envelope) | _object(context) if envelope else _object(context), client)
            size = len(context) + len(envelope) + (_size(client) if client is not None else 0)
            if size <= _WORTH_REMEMBERING_BYTES:
                self._remember(key, size, known)
        return known

    def _made(self, context: dict[str, Any], client: Client | None) -> bytes:
        columns = _columns(context)
        if columns.get("session_id") == "":
            del columns["session_id"]  # none, however it was written: the loader may give one
        self._enrich(columns, context, client)
        rest = {name: value for name, value in context.items() if value not in (None, {})}
        if rest:
            columns["context"] = _encode(rest).decode()
        return b"," + _encode(columns)[1:-1] if columns else b""

    def _remember(self, key: bytes | tuple[bytes, bytes, Client | None], size: int, piece: bytes) -> None:
        self._remembered_bytes += size + len(piece)
        if self._remembered_bytes > _MAX_REMEMBERED_BYTES:
            self._remembered.clear()
            self._remembered_bytes = size + len(piece)
        self._remembered[key] = piece


def _size(client: Client) -> int:
    return _CLIENT_BYTES + len(client.user_agent) + len(client.referrer)


def _object(context: bytes) -> dict[str, Any]:
    value = _decode(context) if context else {}
    return value if isinstance(value, dict) else {"context": value} if value is not None else {}


def _columns(context: dict[str, Any]) -> dict[str, Any]:
    """Return what has a column, taken out of the context."""
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
    return columns


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
