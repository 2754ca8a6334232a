"""A request's body: read as it comes, never more of it than may be, and decompressed."""

from __future__ import annotations

import asyncio

from aiohttp import web

from trackway_collector.errors import RequestRefused
from trackway_collector.ingest.room.admission import Held
from trackway_collector.ingest.serving.encodings import decompress, too_large

BODY_S = 30.0
"""Within this time a body must have come whole: who sends a byte a second must not hold room for long."""


async def read_body(request: web.Request, max_bytes: int, held: Held, within_s: float = BODY_S) -> bytes:
    """
    Return the body as the client wrote it, decompressed; its bytes are held as they come.

    A body that is refused is not read to its end here: aiohttp sends the answer and then reads and forgets the rest for
    some seconds, since a client that is still sending would otherwise see a broken connection in the answer's place.

    Raises:
        RequestRefused: 400, it is damaged, or larger than `max_bytes`; 408, it does not come; 429, there is no room.
    """
    content = request.content
    if content.is_eof():  # it came with its headers, as small ones do
        body = content.read_nowait()
        held.take(len(body))
    else:
        body = await _read_pieces(request, max_bytes, held, within_s)
    held.body = body
    if len(body) > max_bytes:
        raise too_large(max_bytes)
    plain = decompress(body, request.headers.get("Content-Encoding", ""), max_bytes)
    if plain is not body:
        held.take(len(plain))
        held.body = plain
    return plain


async def _read_pieces(request: web.Request, max_bytes: int, held: Held, within_s: float) -> bytes:
    length = request.content_length
    if length is not None:
        if length > max_bytes:
            raise too_large(max_bytes)
        held.take(length)
    content = request.content
    pieces: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(within_s):
            while size <= max_bytes and (piece := await content.readany()):
                pieces.append(piece)
                size += len(piece)
                if length is None:
                    held.take(len(piece))
    except TimeoutError as error:
        message = f"The body did not come within {within_s:g} s."
        raise RequestRefused(408, "request_timeout", message) from error
    return b"".join(pieces)
