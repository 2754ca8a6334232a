"""
`store.json`: how a process on this machine finds the running store process, and the token that lets it in.

```json
{"pid": 4242, "console_url": "http://127.0.0.1:8078/?token=…", "query_host": "127.0.0.1", "query_port": 8079,
 "user": "trackway", "token": "…"}
```

Readable by its owner only (0600), since whoever reads it may read every event. It appears whole or not at
all, and is removed when the store process ends; after a crash the process id tells that it is stale.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from trackway_collector.warehouse.errors import Terminal

FILE_NAME = "store.json"


@dataclass(frozen=True, slots=True)
class StoreFile:
    """What a store process says about itself."""

    pid: int
    query_host: str
    query_port: int
    token: str = field(repr=False)
    user: str = "trackway"
    console_url: str = field(default="", repr=False)

    @classmethod
    def read(cls, path: Path) -> StoreFile | None:
        """
        What the file says, None when there is no file.

        Raises:
            Terminal: the file cannot be read, or is not what a store process writes.
        """
        try:
            text = path.read_text("utf-8")
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            message = f"{path}: {error.strerror}. It belongs to the user that runs the store process."
            raise Terminal(message) from None
        try:
            known = {spec.name for spec in fields(cls)}
            return cls(**{name: value for name, value in json.loads(text).items() if name in known})
        except (ValueError, TypeError, AttributeError):
            message = f"{path}: not written by a store process. Delete it and start `trackway up` again."
            raise Terminal(message) from None

    @classmethod
    def read_running(cls, path: Path) -> StoreFile | None:
        """What the file says if the process that wrote it is alive."""
        store = cls.read(path)
        return store if store is not None and store.is_running() else None

    def is_running(self) -> bool:
        """Whether a process of that id exists. (A crashed store's id may have gone to another program.)"""
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return not _is_zombie(self.pid)

    def write(self, path: Path) -> None:
        """
        Put the file in place, atomically and with mode 0600 from its first byte.

        Raises:
            Terminal: another store process is running on this data directory; the message names its process
            id.
        """
        other = StoreFile.read_running(path)
        if other is not None and other.pid != self.pid:
            message = (
                f"{path}: a store process runs already, process {other.pid}. Stop it (Ctrl-C, or "
                f"`kill {other.pid}`), or give this one another data directory. If {other.pid} is some other "
                "program, delete the file."
            )
            raise Terminal(message)
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(asdict(self), file, indent=1)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise

    def remove(self, path: Path) -> None:
        """Take the file away, if it is still this process's."""
        with contextlib.suppress(Terminal):
            current = StoreFile.read(path)
            if current is not None and current.pid == self.pid:
                path.unlink(missing_ok=True)


def _is_zombie(pid: int) -> bool:
    """Whether the process has ended and only waits to be asked for its status, as after a kill in a container."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0] == "Z"
    except (OSError, IndexError):
        return False  # no /proc here: the signal's answer stands
