"""A log line for each refused request, and not for more of them a minute than somebody may want to read."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass

logger = logging.getLogger(__name__)

LINES = 10
"""For each code, in `WINDOW_S`; the next window begins with how many were left out."""
WINDOW_S = 60.0


@dataclass(slots=True)
class _Window:
    began: float
    lines: int = 0
    left_out: int = 0


class RefusalLog:
    """Logs refusals by code: never a payload, a key or an address, and not what the client wrote in the path."""

    def __init__(self) -> None:
        self._windows: dict[str, _Window] = {}

    def note(self, status: int, code: str, request_id: str, route: str, retry_after_s: int | None) -> None:
        """Log one refusal, unless there were enough of its kind lately."""
        now = time.monotonic()
        window = self._windows.get(code)
        if window is None or now - window.began >= WINDOW_S:
            left_out = window.left_out if window is not None else 0
            window = self._windows[code] = _Window(now)
            if left_out:
                logger.info("refused as %s: %d more in the minute before", code, left_out)
        if window.lines >= LINES:
            window.left_out += 1
            return
        window.lines += 1
        fields: dict[str, object] = {"status": status, "code": code, "route": route, "request_id": request_id}
        if retry_after_s is not None:
            fields["retry_after_s"] = retry_after_s
        logger.log(logging.WARNING if status >= 500 else logging.INFO, "refused", extra={"fields": fields})
