"""Requests byte by byte, well formed or not: what a client library would never send, and what comes back."""

from __future__ import annotations

import base64
import json
import re
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

KEY = "security-key"
AUTHORIZATION = b"Authorization: Basic " + base64.b64encode(f"{KEY}:".encode()) + b"\r\n"
_HEAD = re.compile(rb"HTTP/1\.[01] (\d{3}) [^\r\n]*\r\n((?:[^\r\n]+\r\n)*)\r\n")


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: status, headers in lower case, body."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Address:
    """Where somebody listens, with TLS or without."""

    port: int
    tls: bool = False

    @contextmanager
    def connection(self, timeout_s: float = 10) -> Iterator[socket.socket]:
        """A connection; closed afterwards."""
        plain = socket.create_connection(("127.0.0.1", self.port), timeout_s)
        made = _tls().wrap_socket(plain, server_hostname="localhost") if self.tls else plain
        try:
            yield made
        finally:
            made.close()


def exchange(where: Address, *pieces: bytes, timeout_s: float = 10) -> list[Answer]:
    """Send the pieces; return every answer until the other side closes, or says nothing for `timeout_s`."""
    return answers(exchange_bytes(where, *pieces, timeout_s=timeout_s))


def exchange_bytes(where: Address, *pieces: bytes, timeout_s: float = 10) -> bytes:
    """Do as `exchange`, and return what came, whatever it is."""
    with where.connection(timeout_s) as wire:
        with suppress(OSError):  # an early answer closes the connection before all is sent
            for piece in pieces:
                wire.sendall(piece)
        return receive(wire)


def receive(wire: socket.socket) -> bytes:
    """Return what comes until the other side closes, or says nothing for as long as the socket's timeout."""
    received = b""
    try:
        while piece := wire.recv(65536):
            received += piece
    except OSError:
        return received
    return received


def answers(received: bytes) -> list[Answer]:
    """Take answers apart."""
    found, at = [], 0
    while head := _HEAD.match(received, at):
        headers = {}
        for line in head[2].decode("latin-1").splitlines():
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        # Without a length the body goes on until the connection ends.
        at = head.end() + int(headers["content-length"]) if "content-length" in headers else len(received)
        if head[1] != b"100":
            found.append(Answer(int(head[1]), headers, received[head.end() : at]))
    assert at == len(received), f"not HTTP: {received[at : at + 200]!r}"
    return found


def post(body: bytes, *headers: bytes, path: bytes = b"/v1/batch", close: bool = True) -> bytes:
    """Return a POST with these further header lines; without Content-Length when they have a framing of their own."""
    lines = b"".join(line + b"\r\n" for line in headers)
    framed = b"content-length" in lines.lower() or b"transfer-encoding" in lines.lower()
    length = b"" if framed else b"Content-Length: %d\r\n" % len(body)
    ending = b"Connection: close\r\n" if close else b""
    start = b"POST " + path + b" HTTP/1.1\r\nHost: localhost\r\n"
    return start + AUTHORIZATION + length + ending + lines + b"\r\n" + body


def batch(name: str, **event: Any) -> bytes:
    """Return a batch of one event with this message id."""
    whole = {"type": "track", "event": "Attacked", "userId": "mallory", "messageId": name, **event}
    return json.dumps({"batch": [whole]}).encode()


def _tls() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # the certificate is made for the test and signed by nobody
    return context
