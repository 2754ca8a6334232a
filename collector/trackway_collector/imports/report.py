"""
The rows that did not become events: JSON lines of file, line and reason, readable by their owner only.

The reasons name fields and never values. What was refused behind the place where an import goes on is cut off first, as
those rows come again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path

from trackway_collector.imports.rows import Refused


class Report:
    """
    Writes a report.

    Args:
        file: the name of the file whose rows it is about.
        after_line: what is in the report about later lines of this file is cut off.
    """

    def __init__(self, path: Path, file: str, after_line: int) -> None:
        self.path = path
        self._file = file
        if path.exists():
            _cut(path, file, after_line)

    def add(self, refused: Iterable[Refused]) -> None:
        """Add rows; they are durable on return."""
        lines = [json.dumps({"file": self._file, "line": row.line, "reason": row.reason}) + "\n" for row in refused]
        if not lines:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "ab") as file:
            file.write("".join(lines).encode())
            file.flush()
            os.fsync(file.fileno())


def _cut(path: Path, file: str, after_line: int) -> None:
    partial = path.with_name(path.name + ".new")
    with path.open("rb") as old, os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as new:
        for line in old:
            try:
                entry = json.loads(line)
                later = entry["file"] == file and entry["line"] > after_line
            except (ValueError, KeyError, TypeError):
                continue  # the end of a line that a kill cut off
            if not later:
                new.write(line)
    partial.replace(path)
