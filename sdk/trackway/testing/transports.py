"""Transports that reach no network: one that records for tests, one that shows what would be sent."""

from __future__ import annotations

import sys
from collections import deque
from typing import TYPE_CHECKING, Any

import msgspec

from trackway._delivery.answers import Answer
from trackway._delivery.compression import decompress
from trackway._errors import NetworkError
from trackway.testing.events import TrackedEvent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from trackway._delivery.transport import Request


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
        batch = _batch(request)
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


class DryRun:
    """
    Sends nothing and shows each event on a line: for a look at what a script would send.

        tracker = Tracker("key", transport=DryRun())
    """

    def __init__(self, write: Callable[[str], object] | None = None) -> None:
        """Hand each line to `write`; by default it goes to standard error."""
        self._write = write

    def send(self, request: Request) -> Answer:
        """Show the events of the request and answer 200."""
        for event in _batch(request)["batch"]:
            self._show(TrackedEvent(event).line())
        return Answer(200, b'{"success":true}')

    def close(self) -> None:
        """Nothing to let go of."""

    def _show(self, line: str) -> None:
        if self._write is not None:
            self._write(line)
        else:
            sys.stderr.write(f"{line}\n")


def _batch(request: Request) -> dict[str, Any]:
    body = decompress(request.body, request.headers.get("Content-Encoding"))
    batch: dict[str, Any] = msgspec.json.decode(body)
    return batch
