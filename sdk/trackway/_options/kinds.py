"""The words that settings may be, and the limits that the collector sets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

OnViolation = Literal["flag", "drop", "off", "raise"]
Overflow = Literal["drop_newest", "drop_oldest", "block", "spill"]
ConsentDefault = Literal["grant", "deny"]
BeforeSend = Callable[[dict[str, Any]], dict[str, Any] | None]
"""Gets an event as it would be sent, and returns what shall be sent in its place; None for nothing."""
Compression = Literal["gzip", "zstd", "none"]

DEFAULT_HOST = "http://127.0.0.1:8077"
MAX_EVENT_BYTES = 32 * 1024
"""The collector's limit for one event."""
MAX_BATCH_BYTES = 500 * 1024
"""The collector's limit for one batch, uncompressed."""
MAX_BATCH_EVENTS = 2500
"""The collector's limit for the number of events in one batch."""
ENVELOPE_BYTES = 1024
"""Room for what stands around the events of a batch; ours takes less than a hundred bytes."""
