"""
The embedded engine: chDB, opened once in this process, used over many connections.

What the engine demands (chDB 4.4):
* One directory a process, and one process a directory. A second directory in this process is refused until
  every warehouse on the first is closed; another process is refused by a lock on the directory.
* A connection carries one statement at a time and its own settings; several connections work in parallel.
  Connecting to an open engine costs about 1.5 ms, so idle connections are kept.
* The engine lives in threads of this process and does not survive `fork`.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from trackway_collector.warehouse.errors import EngineBusyError, Terminal, WarehouseError, from_engine_text

MAX_IDLE_CONNECTIONS = 8


class EmbeddedEngine:
    """
    chDB on one directory. Get it with `EmbeddedEngine.open`, give it back with `close`.

    Opening the same directory again gives the same engine; it stops when it has been closed as often as
    opened.
    """

    _open: EmbeddedEngine | None = None
    _open_lock = threading.Lock()

    def __init__(self, path: Path) -> None:
        self.path = path
        self._users = 0
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._idle: list[Any] = []
        # This connection only keeps the engine alive: it stops with its last connection.
        self._anchor = _first_connection(path)

    @classmethod
    def open(cls, path: Path) -> EmbeddedEngine:
        """
        The engine on `path`, which is created when it is missing.

        Raises:
            EngineBusyError: this process has another directory open, or another process has this one.
        """
        path = path.resolve()
        with cls._open_lock:
            engine = cls._open
            if engine is not None and engine._pid != os.getpid():
                # A forked child: the parent's engine threads are not here, and the parent still holds the
                # directory.
                cls._open = engine = None
            if engine is None:
                engine = cls._open = cls(path)
            elif engine.path != path:
                message = (
                    f"{path}: chDB has {engine.path} open in this process, and can open one at a time. "
                    "Close that warehouse first, or use another `?database=` in the same directory."
                )
                raise EngineBusyError(message)
            engine._users += 1
            return engine

    @classmethod
    def is_open(cls, path: Path) -> bool:
        """Whether this process has the engine open on `path`."""
        engine = cls._open
        return engine is not None and engine._pid == os.getpid() and engine.path == path.resolve()

    def close(self) -> None:
        """Give the engine back; the last one to do so stops it."""
        with self._open_lock:
            self._users -= 1
            if self._users > 0:
                return
            with self._lock:
                connections, self._idle = [*self._idle, self._anchor], []
            for connection in connections:
                connection.close()
            if EmbeddedEngine._open is self:
                EmbeddedEngine._open = None

    @contextmanager
    def connection(self) -> Iterator[Any]:
        """A connection for one statement after another, with the engine's default settings and database."""
        self._check_process()
        with self._lock:
            connection = self._idle.pop() if self._idle else None
        if connection is None:
            connection = self.connect()
        try:
            yield connection
        except BaseException:
            # It may still be inside a stream; a new one is cheaper than finding out.
            connection.close()
            raise
        with self._lock:
            keep = self._users > 0 and len(self._idle) < MAX_IDLE_CONNECTIONS
            if keep:
                self._idle.append(connection)
        if not keep:
            connection.close()

    def connect(self) -> Any:
        """A connection of the caller's own (settings may be changed on it), to be closed by the caller."""
        import chdb

        self._check_process()
        connect: Any = chdb.connect
        return connect(str(self.path))

    def _check_process(self) -> None:
        if self._pid != os.getpid():
            message = f"{self.path}: the engine was opened before this process forked. Open it in the child."
            raise Terminal(message)


def _first_connection(path: Path) -> Any:
    try:
        import chdb
    except ImportError:
        message = "the embedded warehouse needs chDB: pip install 'trackway[embedded]'"
        raise Terminal(message) from None
    path.mkdir(parents=True, exist_ok=True)
    if _is_locked(path):  # the engine would say so too, on standard error, in lines of its own
        raise _in_use(path)
    connect: Any = chdb.connect
    try:
        return connect(str(path))
    except RuntimeError as error:
        raise _cannot_open(path, str(error)) from None


def _cannot_open(path: Path, text: str) -> WarehouseError:
    if "already initialized with path" in text:
        message = f"{path}: chDB has another directory open in this process, and it can open one a process."
        return EngineBusyError(message)
    if "Error initializing EmbeddedServer" in text and _is_locked(path):
        return _in_use(path)  # it came between our look and the engine's
    return from_engine_text(f"{path}: chDB cannot open the directory: {text}")


def _in_use(path: Path) -> EngineBusyError:
    message = (
        f"{path}: another process has this directory open. Stop it (a running `trackway up` holds it), "
        "or reach it over its query port: `trackway_analytics.connect` and the `trackway` commands do."
    )
    return EngineBusyError(message)


def _is_locked(path: Path) -> bool:
    """Whether some process holds the engine's lock, the file `status`."""
    import fcntl

    with suppress(OSError), (path / "status").open("rb") as status:
        try:
            fcntl.flock(status, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
