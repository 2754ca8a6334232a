"""
How the processes write their logs: lines for people, or one JSON object a line for machines.

A log line never holds a payload, a key or a client's address. What `extra={"fields": {…}}` gives is appended to the
text, and in JSON stands beside the message.
"""

from __future__ import annotations

import logging
import traceback
from datetime import UTC, datetime
from typing import Any

import msgspec


def set_up_logs(log_format: str, process: str) -> None:
    """
    Send the logs of this process to standard error.

    Args:
        log_format: `text` or `json`.
        process: its name, on each line: `w0`, `store`, `supervisor`.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter(process) if log_format == "json" else TextFormatter(process))
    logging.basicConfig(level=logging.INFO, handlers=[handler])


class TextFormatter(logging.Formatter):
    """Time, level, process, logger, message, then `name=value` for each field."""

    def __init__(self, process: str) -> None:
        super().__init__(f"%(asctime)s %(levelname)s {process.replace('%', '%%')} %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:
        """Return the line without a traceback."""
        line = super().formatMessage(record)
        return " ".join([line, *(f"{name}={value}" for name, value in _fields(record).items())])


class JsonFormatter(logging.Formatter):
    """One object a line: `time` in UTC, `level`, `process`, `logger`, `message`, the fields, a traceback as `error`."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "process": self._process,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= _fields(record)
        if record.exc_info:
            line["error"] = "".join(traceback.format_exception(*record.exc_info)).rstrip()
        return msgspec.json.encode(line, enc_hook=str).decode()


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    fields: dict[str, Any] = getattr(record, "fields", {})
    return fields
