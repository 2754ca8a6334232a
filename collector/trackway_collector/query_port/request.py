"""What a client asks for, read from an HTTP request in the ways ClickHouse's own server takes it."""

from __future__ import annotations

import base64
import binascii
import uuid
from dataclasses import dataclass

from aiohttp import web

from trackway_collector.query_port.guard import RefusedError

_PARAM = "param_"


@dataclass(frozen=True, slots=True)
class QueryRequest:
    """One query."""

    sql: str
    params: dict[str, str]
    settings: dict[str, str]
    database: str
    output_format: str
    """The format for a query without FORMAT clause."""

    query_id: str
    compress_response: bool = False


def credentials(request: web.Request) -> tuple[str, str]:
    """User and password: from the X-ClickHouse headers, else Basic auth, else the query string."""
    if "X-ClickHouse-Key" in request.headers or "X-ClickHouse-User" in request.headers:
        return request.headers.get("X-ClickHouse-User", "default"), request.headers.get("X-ClickHouse-Key", "")
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return "", ""
        return user, password
    if scheme.lower() == "bearer":
        return "trackway", encoded
    return request.query.get("user", ""), request.query.get("password", "")


async def read(request: web.Request, default_database: str) -> QueryRequest:
    """
    The query in a request: the text of `?query=` followed by the body, or a form's fields.

    Raises:
        RefusedError: the body is too large, is not what its headers say, or brings tables of its own.
    """
    arguments = dict(request.query)
    if arguments.get("compress") == "1" or arguments.get("decompress") == "1":
        message = "compress=1 and decompress=1 are not served here; send `Accept-Encoding: lz4` or `gzip` instead"
        raise RefusedError(message, 48, "NOT_IMPLEMENTED")
    body = ""
    # Not application/x-www-form-urlencoded: curl --data calls any text so.
    try:
        if request.content_type == "multipart/form-data":
            arguments |= await _form_fields(request)
        elif request.can_read_body:
            body = await _body_text(request)
    except (web.RequestPayloadError, ValueError) as error:
        message = f"the body of the request cannot be read: {error}"
        raise RefusedError(message, 27, "CANNOT_PARSE_INPUT_ASSERTION_FAILED") from None
    # As ClickHouse does: the query string's part first, then the body.
    sql = "\n".join(part for part in (arguments.get("query", ""), body) if part.strip())
    known = {"query", "database", "default_format", "query_id", "user", "password", "compress", "decompress"}
    known.add("enable_http_compression")
    return QueryRequest(
        sql=sql.strip(),
        params={name.removeprefix(_PARAM): text for name, text in arguments.items() if name.startswith(_PARAM)},
        settings={name: text for name, text in arguments.items() if name not in known and not name.startswith(_PARAM)},
        database=request.headers.get("X-ClickHouse-Database") or arguments.get("database") or default_database,
        output_format=request.headers.get("X-ClickHouse-Format") or arguments.get("default_format") or "TabSeparated",
        query_id=arguments.get("query_id") or str(uuid.uuid4()),
        compress_response=arguments.get("enable_http_compression") == "1",
    )


async def _form_fields(request: web.Request) -> dict[str, str]:
    fields = {}
    for name, value in (await request.post()).items():
        if not isinstance(value, str):
            message = f"`{name}` is a file: the query port takes no tables from outside"
            raise RefusedError(message, 48, "NOT_IMPLEMENTED")
        fields[name] = value
    return fields


async def _body_text(request: web.Request) -> str:
    encoding = request.headers.get("Content-Encoding", "identity").lower()
    if encoding not in ("identity", "gzip", "deflate"):
        message = f"Content-Encoding {encoding} is not served here; send gzip, deflate or plain text"
        raise RefusedError(message, 48, "NOT_IMPLEMENTED")
    try:
        # aiohttp has undone gzip and deflate, and counts the bytes after that against its limit.
        return (await request.read()).decode("utf-8")
    except UnicodeDecodeError as error:
        message = f"the query is not UTF-8: byte {error.start}"
        raise RefusedError(message, 62, "SYNTAX_ERROR") from None
