"""Fakes of the SDK's seams, for your tests and ours: no network, a clock that stands still."""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from trackway._clock import Clock
from trackway._delivery.answers import Answer
from trackway._delivery.compression import decompress
from trackway._delivery.transport import Request, Transport
from trackway._errors import NetworkError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Answer", "Clock", "FrozenClock", "NetworkError", "RecordingTransport", "Request", "Transport"]


class FrozenClock:
    """A wall clock that shows one moment until it is told to move."""

    def __init__(self, moment: datetime) -> None:
        """Stand still at `moment`, which needs a zone."""
        if moment.tzinfo is None:
            msg = "FrozenClock needs a datetime with a zone, for example datetime(2026, 5, 19, tzinfo=UTC)."
            raise ValueError(msg)
        since = moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
        self._ns = (since.days * 86_400 + since.seconds) * 1_000_000_000 + since.microseconds * 1000

    def time_ns(self) -> int:
        """Return the moment in nanoseconds since 1970."""
        return self._ns

    def advance(self, seconds: float) -> None:
        """Move on by `seconds`; a negative number moves back, as clocks do when they are corrected."""
        self._ns += round(seconds * 1_000_000) * 1000


class RecordingTransport:
    """
    Keeps what a Tracker would have sent; flush the tracker, then look at `events`.

        transport = RecordingTransport()
        tracker = Tracker("key", transport=transport)
        tracker.track("Order Completed", {"total": "12.50"}, user_id="user-7")
        tracker.flush()
        assert transport.events[0]["event"] == "Order Completed"
    """

    def __init__(self, answers: Iterable[Answer | int | None] = ()) -> None:
        """
        Give these answers in turn, then 200 for ever. An int is a status; None is a connection that breaks.
        """
        self._answers = deque(answers)
        self.requests: list[Request] = []
        """Every attempt, retries included."""
        self.batches: list[dict[str, Any]] = []
        """The decoded body of every attempt."""
        self.events: list[dict[str, Any]] = []
        """The events of the batches that were answered 200, in order."""

    def send(self, request: Request) -> Answer:
        """Record the request and give the next answer."""
        batch = msgspec.json.decode(decompress(request.body, request.headers.get("Content-Encoding")))
        self.requests.append(request)
        self.batches.append(batch)
        answer = self._answers.popleft() if self._answers else 200
        if answer is None:
            raise NetworkError("ConnectionResetError")  # noqa: EM101
        if isinstance(answer, int):
            answer = Answer(answer, b'{"success":true}' if answer == 200 else b"")
        if answer.status == 200:
            self.events.extend(batch["batch"])
        return answer

    def close(self) -> None:
        """Nothing to let go of; what was recorded stays."""
