"""
`before_send`: functions of the program that see each event as it would be sent, change it, or hold it back.

They run on the caller's thread, one after the other, before the event is in the queue or on the disk. Each is given a
dict of what JSON has (texts, numbers, bools, None, lists, dicts), a copy that is its own to change, and returns the
event or None. The tracking plan comes after them: it judges what is really sent, and takes out what may not be stored,
whoever put it in. An event whose chain fails is dropped: what was to be scrubbed must not leave unscrubbed.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any

import msgspec

from trackway._books import Dropped
from trackway._events.arguments import Refused, encode_text, is_given
from trackway._events.payloads import ContextWriter, object_body, people
from trackway._events.plan import NO_VIOLATIONS
from trackway._events.values import encode, encode_carefully

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trackway._events.plan import PlanCheck
    from trackway_plan import Violation

    Chain = Sequence[Callable[[dict[str, Any]], dict[str, Any] | None]]

log = logging.getLogger("trackway")

_OWN_MEMBER = {"track": "event", "page": "name", "screen": "name", "group": "groupId", "alias": "previousId"}
_KINDS = frozenset({"track", "identify", "page", "screen", "group", "alias"})
_WRITTEN = frozenset(
    {
        "type",
        "messageId",
        "timestamp",
        "userId",
        "anonymousId",
        "properties",
        "traits",
        "context",
        *_OWN_MEMBER.values(),
    }
)


class Changed(msgspec.Struct, frozen=True):
    """An event after the chain, in the parts that a tracker queues."""

    start: bytes
    rest: bytes
    message_id: Any
    timestamp: Any
    violations: Sequence[Violation]


class BeforeSend:
    """The chain, and the plan that judges what comes out of it. Safe to share between threads."""

    def __init__(self, chain: Chain, plan: PlanCheck | None, context: ContextWriter) -> None:
        self._chain = tuple(chain)
        self._plan = plan
        self._context = context
        self._busy: set[int] = set()

    def change(self, event: bytes) -> Changed:
        """
        Return what the chain makes of an event.

        Raises:
            Refused: the chain holds it back (before_send) or fails (before_send_failed), or what it made cannot be
            sent.
            PlanViolationError: what it made breaks the plan, and `on_violation="raise"`.
        """
        return self._written(self._through_chain(msgspec.json.decode(event)))

    def _through_chain(self, event: dict[str, Any]) -> dict[str, Any]:
        me = threading.get_ident()
        if me in self._busy:
            log.error("A function of before_send tracks an event itself, which would never end; that one is dropped.")
            raise Refused(Dropped.BEFORE_SEND_FAILED)
        self._busy.add(me)
        try:
            for function in self._chain:
                event = _call(function, event)
            return event
        finally:
            self._busy.discard(me)

    def _written(self, event: dict[str, Any]) -> Changed:
        kind = event.get("type")
        if type(kind) is not str or kind not in _KINDS:
            problem = ValueError("before_send returned an event whose `type` is none of the six")
            raise Refused(Dropped.BEFORE_SEND_FAILED) from problem
        name = event.get(_OWN_MEMBER[kind]) if kind in _OWN_MEMBER else None
        if kind == "track" and (type(name) is not str or not name):
            raise Refused(Dropped.NO_EVENT_NAME)
        if kind in ("group", "alias") and not is_given(name):
            raise Refused(Dropped.NO_PERSON)
        start = b'{"type":"%b",' % kind.encode()
        if kind in _OWN_MEMBER:
            start += b'"%b":%b,' % (_OWN_MEMBER[kind].encode(), encode_text("" if name is None else name))
        rest = people(event.get("userId"), event.get("anonymousId"))
        violations: Sequence[Violation] = NO_VIOLATIONS
        if kind != "alias":
            held = "traits" if kind in ("identify", "group") else "properties"
            body = object_body(event.get(held))
            if self._plan is not None:
                violations, body = self._plan.judge(kind, str(name), body)
            rest += b',"%b":%b' % (held.encode(), body)
        rest += b"".join(_member(name, value) for name, value in event.items() if name not in _WRITTEN)
        rest += self._context.end(event.get("context"), None, violations)
        return Changed(start, rest, event.get("messageId"), event.get("timestamp"), violations)


def _call(function: Callable[[dict[str, Any]], dict[str, Any] | None], event: dict[str, Any]) -> dict[str, Any]:
    try:
        changed = function(event)
    except Exception as error:
        # Its kind only: the message may quote the event.
        log.debug("A function of before_send failed (%s).", type(error).__name__)
        raise Refused(Dropped.BEFORE_SEND_FAILED) from error
    if changed is None:
        raise Refused(Dropped.BEFORE_SEND)
    if not isinstance(changed, dict):
        problem = TypeError(f"before_send returned a {type(changed).__name__}; return the event, or None to drop it")
        raise Refused(Dropped.BEFORE_SEND_FAILED) from problem
    return changed


def _member(name: str, value: object) -> bytes:
    try:
        body = encode(value)
    except Exception:
        body = encode_carefully(value)
    return b",%b:%b" % (encode_text(name), body)
