"""
A collector's front door on loopback, for the SDK's tests: real HTTP, scripted answers, everything recorded.
"""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, Self

from trackway._delivery.compression import decompress

ACK = b'{"success":true}'


@dataclass
class Scripted:
    """One answer: a status with a body, or a connection that breaks before or after the request was read."""

    status: int = 200
    body: bytes = ACK
    headers: dict[str, str] = field(default_factory=dict)
    reset: Literal["", "before_body", "after_body"] = ""
    delay_s: float = 0.0
    barrier: threading.Barrier | None = None
    """Answer when so many requests as it is for have been read."""
    raw: tuple[bytes, ...] = ()
    """Written to the connection instead of status, headers and body, each after `delay_s`; counts as stored."""
    hang_up: bool = False
    """Close the connection after the answer, without having said so."""


@dataclass
class Seen:
    """One request that was read."""

    path: str
    headers: dict[str, str]
    batch: dict[str, Any]
    at: float
    connection: tuple[str, int]

    @property
    def ids(self) -> list[str]:
        return [event["messageId"] for event in self.batch["batch"]]


class Loopback:
    """
    Answers with the script in turn, then as `then` says, or with 200 for ever; `stored` are the events that were
    answered 200.
    """

    def __init__(self, *script: Scripted, port: int = 0, then: Callable[[Seen], Scripted] | None = None) -> None:
        self.then = then
        self.script = deque(script)
        self.seen: list[Seen] = []
        self.stored: list[dict[str, Any]] = []
        self._lock = threading.Lock()
        loopback = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # an answer is two writes; the second would wait for an ACK of the first

            def do_POST(self) -> None:
                loopback._answer(self)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        with self._lock:
            scripted = self.script.popleft() if self.script else None
        answer = scripted or Scripted()
        if answer.reset == "before_body":
            _reset(handler)
            return
        body = handler.rfile.read(int(handler.headers["Content-Length"]))
        body = decompress(body, handler.headers["Content-Encoding"])
        seen = Seen(handler.path, dict(handler.headers), json.loads(body), time.monotonic(), handler.client_address)
        with self._lock:
            self.seen.append(seen)
            if scripted is None and self.then is not None:
                answer = self.then(seen)
        time.sleep(answer.delay_s)
        if answer.barrier is not None:
            answer.barrier.wait(timeout=30)
        if answer.reset == "after_body":
            _reset(handler)
            return
        with self._lock:
            if answer.status == 200:
                self.stored.extend(seen.batch["batch"])
        handler.close_connection = handler.close_connection or answer.hang_up
        if answer.raw:
            _drip(handler, answer)
            return
        handler.send_response(answer.status)
        for name, value in answer.headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(answer.body)))
        handler.end_headers()
        handler.wfile.write(answer.body)


def _drip(handler: BaseHTTPRequestHandler, answer: Scripted) -> None:
    with contextlib.suppress(OSError):  # the client may have had enough
        for piece in answer.raw:
            handler.wfile.write(piece)
            handler.wfile.flush()
            time.sleep(answer.delay_s)


def refusal(status: int, code: str, **headers: str) -> Scripted:
    """Return an error as the collector words it."""
    body = {"success": False, "code": code, "message": code, "error": code}
    return Scripted(
        status, json.dumps(body).encode(), {name.replace("_", "-"): value for name, value in headers.items()}
    )


def _reset(handler: BaseHTTPRequestHandler) -> None:
    # SO_LINGER with time 0: closing sends RST and throws away what was not read.
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.close_connection = True
    handler.rfile.close()
    handler.wfile.close()
    handler.connection.close()
