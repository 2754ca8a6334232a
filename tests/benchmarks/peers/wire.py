"""What each client's requests look like: which events one holds, and the answer its service gives."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

Arrival = tuple[int, str]
"""An event's number `n`, which the program gave it, and the id by which a collector would know it again."""


def arrivals(path: str, encoding: str, body: bytes) -> list[Arrival]:
    """
    Return the events of a request.

    Raises:
        ValueError: the path is none of the clients', or the body is not what that client sends.
    """
    read = _READERS.get(path.partition("?")[0].rstrip("/"))
    if read is None:
        msg = f"{path}: no client here sends to this path."
        raise ValueError(msg)
    return read(plain(encoding, body))


def plain(encoding: str, body: bytes) -> bytes:
    """Return a body without its compression."""
    return zlib.decompress(body, wbits=47) if encoding in ("gzip", "deflate") else body


def answer(path: str, status: int) -> bytes:
    """Return the body with which the client's own service would answer."""
    if status == 200:
        return _TAKEN.get(path.partition("?")[0].rstrip("/"), b'{"success":true}')
    # `code` and `message` are what rudder-sdk-python reads; amplitude-analytics takes the number for the status.
    code: object = status if path.startswith("/2/") else "bench"
    return json.dumps({"success": False, "code": code, "message": "bench", "error": "bench", "status": 0}).encode()


def _segment(body: bytes) -> list[Arrival]:
    return [(event["properties"]["n"], event["messageId"]) for event in json.loads(body)["batch"]]


def _posthog(body: bytes) -> list[Arrival]:
    return [(event["properties"]["n"], event["uuid"]) for event in json.loads(body)["batch"]]


def _snowplow(body: bytes) -> list[Arrival]:
    return [(_unstructured(event)["data"]["data"]["n"], event["eid"]) for event in json.loads(body)["data"]]


def _unstructured(event: dict[str, str]) -> dict[str, Any]:
    packed = event.get("ue_px")
    text = event["ue_pr"] if packed is None else base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4))
    read: dict[str, Any] = json.loads(text)
    return read


def _mixpanel(body: bytes) -> list[Arrival]:
    data = json.loads(parse_qs(body.decode())["data"][0])
    events = data if isinstance(data, list) else [data]
    return [(event["properties"]["n"], event["properties"]["$insert_id"]) for event in events]


def _amplitude(body: bytes) -> list[Arrival]:
    return [(event["event_properties"]["n"], event["insert_id"]) for event in json.loads(body)["events"]]


_READERS: dict[str, Callable[[bytes], list[Arrival]]] = {
    "/v1/batch": _segment,  # ours and rudder's, too
    "/batch": _posthog,
    "/com.snowplowanalytics.snowplow/tp2": _snowplow,
    "/track": _mixpanel,
    "/2/httpapi": _amplitude,
}
_TAKEN = {
    "/batch": b'{"status":1}',
    "/com.snowplowanalytics.snowplow/tp2": b"ok",
    "/track": b'{"status":1,"error":null}',
    "/2/httpapi": b'{"code":200}',
}
