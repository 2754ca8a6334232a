"""
A test event, through the real SDK to the collector, and back out of the tables.

It is a `track` named `$doctor` by the visitor `trackway-doctor`, without properties. The collector judges nothing of it
but its stamp, and what the plan is compared with (census, drift, infer) leaves it out.
"""

from __future__ import annotations

import importlib
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from trackway._delivery.transport import HttpTransport
from trackway._doctor.findings import Finding, Status, note, ok, problem, skipped
from trackway._errors import NetworkError
from trackway._tracker import Tracker

if TYPE_CHECKING:
    from trackway._delivery.answers import Answer
    from trackway._delivery.transport import Request
    from trackway._doctor.case import Case

EVENT = "$doctor"
VISITOR = "trackway-doctor"
MARGIN = timedelta(minutes=5)
FINDER = "trackway_collector.warehouse.find_event"
"""Loaded by name: the SDK does not depend on the collector."""


class Witness:
    """A transport that hands everything on, and remembers what came back."""

    def __init__(self, host: str) -> None:
        self._http = HttpTransport(host)
        self.answer: Answer | None = None
        self.failure = ""

    def send(self, request: Request) -> Answer:
        """Send as ever."""
        try:
            self.answer = self._http.send(request)
        except NetworkError as error:
            self.failure = str(error)
            raise
        return self.answer

    def close(self) -> None:
        """Let go of the connection."""
        self._http.close()


def check_event(case: Case) -> Finding:
    """Send the test event and read the collector's answer to it."""
    if not case.send:
        return skipped("event", "--no-event")
    if case.key_refused:
        return skipped("event", "the key would not be taken")
    witness = Witness(case.options.host)
    tracker = Tracker(
        case.options.write_key,
        host=case.options.host,
        plan=case.release,
        source=case.options.source,
        on_violation="off",
        consent_default="grant",  # what keeps other events back is in the settings; this one is to be seen arriving
        sample=1.0,
        super_properties={},
        queue="memory",  # nothing is taken over from other processes, and nothing is left behind
        overflow="drop_newest",
        flush_interval_s=0,
        transport=witness,
        clock=case.clock,
    )
    message_id = tracker.track(EVENT, anonymous_id=VISITOR)
    settled = tracker.flush(case.timeout_s)
    stats = tracker.stats()
    tracker.close(0)
    if stats.acked:
        case.message_id = message_id
        verdict = _verdict(witness.answer, str(message_id))
        said = f", verdict {verdict}" if verdict else ""
        status = Status.OK if verdict in (None, "ok", "unplanned") else Status.NOTE
        facts = {"message_id": message_id, "verdict": verdict}
        return Finding("event", status, f"`{EVENT}` is on the collector's disk{said}", facts=facts)
    if settled and stats.rejected_by_reason:
        code = next(iter(stats.rejected_by_reason))
        return problem("event", f"the collector refused `{EVENT}` for good: {code}", _MENDS.get(code, _SEE_CODES))
    if witness.answer is not None:
        code = _body(witness.answer).get("code", f"HTTP {witness.answer.status}")
        return problem("event", f"the collector has not taken `{EVENT}` yet: {code}", _MENDS.get(code, _SEE_CODES))
    reasons = ", ".join(stats.dropped_by_reason) or witness.failure or "no answer"
    mend = f"Nothing came back within {case.timeout_s:g} s; --timeout waits longer."
    return problem("event", f"`{EVENT}` was not sent: {reasons}", mend)


def check_found(case: Case) -> Finding:
    """Wait until the test event can be queried."""
    if case.message_id is None:
        return skipped("found", "there is no event to look for")
    if case.warehouse is None:
        return skipped("found", "--warehouse URL looks for the event in the tables")
    finder: Any = importlib.import_module(FINDER)
    errors: Any = importlib.import_module("trackway_collector.warehouse.errors")
    try:
        found = finder.find_event(case.warehouse, case.message_id, case.collectors_now() - MARGIN, case.wait_s)
    except errors.WarehouseError as error:
        return problem("found", f"the warehouse cannot be asked: {_first_line(error)}", "Look at --warehouse.")
    if found is None:
        mend = (
            "The event is safe in the collector's spool. Does the store process run, and does it load into this "
            "warehouse? Its log and `trackway warehouse status` tell; --wait gives it longer."
        )
        return problem("found", f"not in the tables after {case.wait_s:g} s", mend)
    facts = {"table": found.place, "verdict": found.verdict, "violations": list(found.violations)}
    with_what = f" ({', '.join(found.violations)})" if found.violations else ""
    message = f"it is in the table `{found.place}`, verdict {found.verdict}{with_what}"
    return ok("found", message, **facts) if found.verdict in ("ok", "unplanned") else note("found", message, **facts)


_SEE_CODES = "docs/wire_format.md says what each code means."
_MENDS = {
    "unknown_write_key": "Use a key of this collector.",
    "spool_full": "The collector's spool is full: ClickHouse is away or too slow. The SDK waits and sends again.",
    "spool_unavailable": "The collector cannot write to its disk. The SDK waits and sends again.",
    "unstamped": "The plan refuses events without the stamp of a live release; see the check `revision`.",
}


def _verdict(answer: Answer | None, message_id: str) -> str | None:
    body = _body(answer) if answer is not None else {}
    results = body.get("results")
    verdict = results.get(message_id) if isinstance(results, dict) else None
    verdict = verdict or body.get("result")  # what is true of every event that is not named
    return str(verdict) if verdict else None


def _body(answer: Answer) -> dict[str, Any]:
    try:
        decoded = msgspec.json.decode(answer.body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return {}
    return decoded if isinstance(decoded, dict) else {}


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
