"""A collector for every client here: it counts what it has answered 200 for, and can be told to be in trouble."""

from __future__ import annotations

import contextlib
import socket
import struct
import sys
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from tests.benchmarks.peers import wire

MAX_BODY_BYTES = 3 * 1024 * 1024
"""Larger bodies are answered 413. More than most services take, so that no batch of ordinary events meets it."""


class Collector:
    """
    Listens on a free port of loopback; `up` and `down` open and close that port, the attributes script the answers.
    """

    def __init__(self) -> None:
        self.arrived: Counter[int] = Counter()
        """How often each event, by its number, was taken: answered 200, or taken and the answer was lost."""
        self.ids: set[wire.Arrival] = set()
        """The (number, id) pairs taken; more of them than numbers means that a collector cannot know repetitions."""
        self.refused = 0
        """Requests answered by something else than 200."""
        self.status = 200
        self.delay_s = 0.0
        """How long an answer takes."""
        self.loses_answers = False
        """Take the events, and reset the connection instead of answering."""
        self.port = 0
        self._lock = threading.Lock()
        self._server: _Server | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def doubled(self) -> int:
        """Events taken under more than one id: they are counted twice for good."""
        return len(self.ids) - len(self.arrived)

    @property
    def repeated(self) -> int:
        """Events that came again under the id they had: a collector that knows its ids takes them once."""
        return sum(self.arrived.values()) - len(self.ids)

    def up(self) -> None:
        """Listen; on the same port as before."""
        self._server = _Server(("127.0.0.1", self.port), self)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def down(self) -> None:
        """Stop listening, and reset all connections; those who call now are refused."""
        server, self._server = self._server, None
        if server is not None:
            server.shutdown()
            server.server_close()
            server.reset_all()

    def __enter__(self) -> Self:
        self.up()
        return self

    def __exit__(self, *_: object) -> None:
        self.down()

    def take(self, path: str, encoding: str, body: bytes) -> None:
        """Count the events of a request."""
        found = wire.arrivals(path, encoding, body)
        with self._lock:
            self.arrived.update(number for number, _ in found)
            self.ids.update(found)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], collector: Collector) -> None:
        self.collector = collector
        self.gone = False
        self._connections: set[socket.socket] = set()
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._connections.discard(request)
        super().shutdown_request(request)

    def reset_all(self) -> None:
        self.gone = True
        for connection in list(self._connections):
            with contextlib.suppress(OSError):
                _reset_on_close(connection)
                connection.shutdown(socket.SHUT_RDWR)  # wakes the thread that reads from it, which closes it

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Connections that break are what this is about; anything else is a mistake of the bench and must be seen."""
        if not isinstance(sys.exception(), OSError | ValueError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_POST(self) -> None:
        collector = self.server.collector
        length = int(self.headers["Content-Length"])
        body = self.rfile.read(length)
        if len(body) < length:
            return
        status = 413 if length > MAX_BODY_BYTES else collector.status
        if collector.delay_s:
            time.sleep(collector.delay_s)
        if self.server.gone:
            return
        if status == 200:
            collector.take(self.path, self.headers.get("Content-Encoding", ""), body)
        else:
            collector.refused += 1
        if collector.loses_answers:
            self.close_connection = True
            _reset_on_close(self.connection)
            self.rfile.close()
            self.wfile.close()
            self.connection.close()
            return
        answer = wire.answer(self.path, status)
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:
        pass


def _reset_on_close(connection: socket.socket) -> None:
    # SO_LINGER with time 0: closing sends RST and throws away what was not read.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
