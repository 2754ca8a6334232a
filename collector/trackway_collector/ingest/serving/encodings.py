"""Content encodings of a request's body, never decompressed further than a body may be large."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable
from typing import Protocol

from trackway_collector.errors import RequestRefused

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

# zlib's window bits: gzip's header; either zlib's own, as the standard says of deflate, or, for old clients, none.
_GZIP, _ZLIB, _RAW = 31, 15, -15
_GZIP_MAGIC = b"\x1f\x8b"  # no JSON begins so

# A zstd frame may ask for a window of any size, and for memory to hold it. RFC 9659 bounds it to 8 MiB in HTTP.
_ZSTD_OPTIONS: dict[int, int] = {zstd.DecompressionParameter.window_log_max: 23}

_MAX_PIECES = 100
"""gzip members or zstd frames in one body: each is a copy of what follows it, and empty ones take 9 bytes."""


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


def decompress(body: bytes, encoding: str, max_bytes: int) -> bytes:
    """
    Return the body behind a Content-Encoding header: none, `gzip`, `deflate` or `zstd`.

    Without the header, a body that begins as gzip does is unpacked all the same.

    Raises:
        RequestRefused: 400, the encoding is another, the bytes are damaged, or they unpack to more than `max_bytes`.
    """
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        if body[:2] != _GZIP_MAGIC:
            return body
        encoding = "gzip"  # RudderStack's Node library and Segment's for Kotlin pack bodies without saying so
    if encoding in ("gzip", "x-gzip"):
        return _unpack(body, encoding, lambda: zlib.decompressobj(_GZIP), max_bytes)
    if encoding == "deflate":
        window = _ZLIB if body[:1] == b"\x78" else _RAW
        return _unpack(body, encoding, lambda: zlib.decompressobj(window), max_bytes)
    if encoding == "zstd":
        return _unpack(body, encoding, lambda: zstd.ZstdDecompressor(options=_ZSTD_OPTIONS), max_bytes)
    message = "The body's Content-Encoding is not known. Send gzip, zstd, deflate, or none."
    raise RequestRefused(400, "unknown_encoding", message)


def too_large(max_bytes: int) -> RequestRefused:
    """Return the answer to a body over the limit."""
    message = f"The body is larger than {max_bytes} bytes, counted after decompression. Send smaller batches."
    return RequestRefused(400, "batch_too_large", message)


def _unpack(body: bytes, encoding: str, make: Callable[[], _Decompressor], max_bytes: int) -> bytes:
    plain = b""
    for _ in range(_MAX_PIECES):
        piece = make()
        try:
            plain += piece.decompress(body, max_bytes + 1 - len(plain))
        except (zlib.error, zstd.ZstdError) as error:
            message = f"The body is not valid {encoding}: {error}."
            raise RequestRefused(400, "bad_encoding", message) from error
        if len(plain) > max_bytes:
            raise too_large(max_bytes)
        if not piece.eof:
            message = f"The {encoding} body is cut off."
            raise RequestRefused(400, "bad_encoding", message)
        body = piece.unused_data
        if not body:
            return plain
    message = f"The {encoding} body is packed in more than {_MAX_PIECES} pieces."
    raise RequestRefused(400, "bad_encoding", message)
