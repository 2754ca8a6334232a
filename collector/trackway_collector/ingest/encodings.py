"""Content encodings of a request's body, never decompressed further than a body may be large."""

from __future__ import annotations

import zlib

from trackway_collector.errors import RequestRefused

# zlib's window bits: gzip's header; either zlib's own, as the standard says of deflate, or, for old clients, none.
_GZIP, _ZLIB, _RAW = 31, 15, -15


def decompress(body: bytes, encoding: str, max_bytes: int) -> bytes:
    """
    Return the body behind a Content-Encoding header: none, `gzip` or `deflate`.

    Raises:
        RequestRefused: 400, the encoding is another, the bytes are damaged, or they unpack to more than `max_bytes`.
    """
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return body
    if encoding in ("gzip", "x-gzip"):
        return _inflate(body, _GZIP, encoding, max_bytes)
    if encoding == "deflate":
        return _inflate(body, _ZLIB if body[:1] == b"\x78" else _RAW, encoding, max_bytes)
    message = "The body's Content-Encoding is not known. Send gzip, deflate, or none."
    raise RequestRefused(400, "unknown_encoding", message)


def too_large(max_bytes: int) -> RequestRefused:
    """Return the answer to a body over the limit."""
    message = f"The body is larger than {max_bytes} bytes, counted after decompression. Send smaller batches."
    return RequestRefused(400, "batch_too_large", message)


def _inflate(body: bytes, window: int, encoding: str, max_bytes: int) -> bytes:
    plain = b""
    while body or not plain:  # gzip allows several members, one after the other
        inflater = zlib.decompressobj(window)
        try:
            plain += inflater.decompress(body, max_bytes + 1 - len(plain))
        except zlib.error as error:
            message = f"The body is not valid {encoding}: {error}."
            raise RequestRefused(400, "bad_encoding", message) from error
        if len(plain) > max_bytes:
            raise too_large(max_bytes)
        if not inflater.eof:
            message = f"The {encoding} body is cut off."
            raise RequestRefused(400, "bad_encoding", message)
        body = inflater.unused_data
    return plain
