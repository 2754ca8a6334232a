"""What an adapter is, and what several of them need."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import msgspec
from aiohttp import web

from trackway_collector.errors import RequestRefused
from trackway_collector.ingest.requests import Taken
from trackway_collector.ingest.routes import Lane
from trackway_collector.ingest.verdicts.judge import UNTRANSLATABLE

Event = dict[str, Any] | msgspec.Raw
"""One event of ours; a Raw is an event that nobody could read, which the judge says."""

MAX_FIELDS = 500
"""Members of a query or form of one event."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MAX_SIZE_DIGITS = 6
"""Of a screen's width or height."""
SECRETS = frozenset({"writeKey", "api_key", "token", "token_auth", "api_secret"})
"""Names under which clients carry what lets them in."""

_IN_QUERY = re.compile(rf"(?<![^?&])(?:{'|'.join(sorted(SECRETS))})=[^&]*&?")
_WITHHELD = b'"withheld: it cannot be read, and may hold a key"'
_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_text = msgspec.json.Decoder(str)

_NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?")
_CAMPAIGN = ("source", "medium", "name", "term", "content")


class Translated(NamedTuple):
    """A foreign request as events of ours."""

    events: list[Event]
    key: str | None = None
    """The write key, where the client's own wire has a place for one."""
    foreign_id: str = ""
    """What the client carries in the place of a key, `snowplow:shop`; see `SourcePolicy.foreign_ids`."""
    sent_at: Any = None
    lane: Lane = Lane.LIVE

    def batch(self) -> bytes:
        """Return the body of our own route that says the same."""
        shared = {} if self.sent_at is None else {"sentAt": self.sent_at}
        return msgspec.json.encode({"batch": [_encoded(event) for event in self.events], **shared})


class Harmless(NamedTuple):
    """A path that stock clients ask and that has nothing for them here: they get what lets them go on."""

    method: str
    path: str
    counted_as: str
    body: bytes
    content_type: str = "application/json"


Translate = Callable[[web.Request, bytes], Translated]
"""Reads a request with its unpacked body; raises RequestRefused (400) when it cannot be read as a whole."""
Answer = Callable[[web.Request, Taken], web.Response]
"""What the client wants to hear when everything is on the disk."""

Page = Callable[[web.Request], Awaitable[web.Response]]


@dataclass(frozen=True, slots=True)
class Adapter:
    """One client's wire."""

    name: str
    routes: tuple[tuple[str, str], ...]
    """(method, path) of what brings events."""
    translate: Translate
    answer: Answer
    harmless: tuple[Harmless, ...] = ()
    pages: tuple[tuple[str, Page], ...] = ()
    """(path, handler) of what the client asks, and an answer depends on."""


def untranslatable(adapter: str, reason: object, payload: bytes | msgspec.Raw) -> dict[str, Any]:
    """Return an event that goes to quarantine, with why, and what came but keys; sent again it is recognised."""
    raw = bytes(payload)
    return {
        "type": UNTRANSLATABLE,
        "messageId": digest(adapter, raw),
        "reason": f"The {adapter} adapter cannot read it: {reason}.",
        "payload": msgspec.Raw(_without_secrets(raw)),
    }


def _without_secrets(raw: bytes) -> bytes:
    """Return an event's JSON, or that of a text which is a query, without its members that are keys."""
    if not any(name.encode() in raw for name in SECRETS) and b"\\u00" not in raw:
        return raw
    try:
        if raw.lstrip()[:1] == b'"':
            return msgspec.json.encode(_IN_QUERY.sub("", _text.decode(raw)))
        members = {name: value for name, value in _members.decode(raw).items() if name not in SECRETS}
        properties = members.get("properties")
        if properties is not None and bytes(properties)[:1] == b"{":
            own = {name: value for name, value in _members.decode(properties).items() if name not in SECRETS}
            members["properties"] = msgspec.Raw(msgspec.json.encode(own))
        return msgspec.json.encode(members)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _WITHHELD


def digest(prefix: str, data: bytes) -> str:
    """Return an id that the same bytes give again."""
    return f"{prefix}-{hashlib.sha256(data).hexdigest()[:32]}"


def _encoded(event: Event) -> msgspec.Raw:
    if isinstance(event, msgspec.Raw):
        return event
    try:
        return msgspec.Raw(msgspec.json.encode(event))
    except (ValueError, OverflowError, RecursionError) as error:  # a number of 30 digits, half a character
        text = ascii(event)
        told = {"type": UNTRANSLATABLE, "reason": f"It cannot be written as JSON: {error}.", "payload": text}
        return msgspec.Raw(msgspec.json.encode(told | {"messageId": digest("foreign", text.encode())}))


def malformed(error: object) -> RequestRefused:
    """Return the answer to a body that cannot be read as a whole."""
    what = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
    return RequestRefused(400, "malformed_json", f"The body is not readable: {what}.")


def pruned(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what says something: without None, empty text and empty objects."""
    return {name: value for name, value in values.items() if value is not None and value != "" and value != {}}


def iso_of_us(us: int) -> str:
    """Return microseconds since 1970 as ISO 8601; as they are, in text, when no calendar has them."""
    try:
        return (_EPOCH + timedelta(microseconds=us)).isoformat()
    except OverflowError:
        return str(us)


def iso_of_ms(text: Any) -> Any:
    """Return milliseconds since 1970, a number or its text, as ISO 8601; anything else as it is, for the judge."""
    if text is None or isinstance(text, bool):
        return None
    try:
        return iso_of_us(int(text) * 1000)
    except (ValueError, TypeError, OverflowError):
        return text


def number(text: Any) -> Any:
    """Return the number that a text of a query is; the text when it is none."""
    if not isinstance(text, str) or not _NUMBER.fullmatch(text):
        return text
    return float(text) if "." in text else int(text)


def page_of(url: Any, title: Any = None, referrer: Any = None) -> dict[str, Any]:
    """Return `context.page` of an address."""
    parts = _split(url)
    path, search = (parts.path, f"?{parts.query}" if parts.query else "") if parts else ("", "")
    return pruned({"url": url, "path": path, "search": search, "title": title, "referrer": referrer})


def campaign_of(url: Any) -> dict[str, str]:
    """Return `context.campaign` of an address with `utm_…` parameters."""
    parts = _split(url)
    if parts is None or "utm_" not in parts.query:
        return {}
    found = parse_qs(parts.query)
    said = {name: found.get("utm_campaign" if name == "name" else f"utm_{name}", [""])[0] for name in _CAMPAIGN}
    return pruned(said)


def screen_of(size: Any) -> dict[str, Any]:
    """Return `context.screen` of a text like `1280x1024`."""
    width, _, height = str(size or "").partition("x")
    return {"width": int(width), "height": int(height)} if _is_size(width) and _is_size(height) else {}


def _is_size(text: str) -> bool:
    return text.isdecimal() and len(text) <= MAX_SIZE_DIGITS


def _split(url: Any) -> Any:
    try:
        return urlsplit(url) if isinstance(url, str) else None
    except ValueError:
        return None
