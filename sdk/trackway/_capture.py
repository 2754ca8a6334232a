"""
`Capture`: the calls a program makes, the same for every kind of tracker. They encode, check and queue on the caller's
thread, and neither raise nor wait. What becomes of the event then, `Intake` says; who sends it, `Sending`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trackway._base import Base, T
from trackway._books import Dropped
from trackway._events.arguments import Refused, encode_text, is_given
from trackway._events.arguments import name as name_of
from trackway._events.payloads import object_body, object_member, people
from trackway._events.plan import NO_VIOLATIONS
from trackway._events.scope import current

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from trackway._base import Known
    from trackway_plan import Violation

    Id = str | int
    """Numbers are sent as text."""

MAX_KNOWN_EVENTS = 10_000
"""
Event names are remembered up to here; a program that puts ids into names would otherwise fill the memory.
"""


class Capture(Base[T]):
    """What trackers have in common; `T` is their kind of transport."""

    def track(
        self,
        event: str,
        properties: Mapping[str, object] | None = None,
        *,
        user_id: Id | None = None,
        anonymous_id: Id | None = None,
        session_id: Id | None = None,
        timestamp: datetime | str | None = None,
        context: Mapping[str, object] | None = None,
        integrations: Mapping[str, object] | None = None,
        message_id: str | None = None,
    ) -> str | None:
        """
        Send that a person did something; returns the `messageId`, None if the event was refused.

        `timestamp` is when it happened (default: now; a `datetime` without a zone is taken as UTC).
        `properties` may hold any values: docs/values.md lists what becomes of those that JSON has no word for, and of
        arguments of a wrong type.
        """
        try:
            if type(event) is not str:
                event = name_of(event)
            start, decode, leftover, redact = self._known.get(event) or self._learn(event)
            if (scope := current()) is not None:
                user_id, anonymous_id, session_id, context = scope.fill(user_id, anonymous_id, session_id, context)
                properties = scope.fill_properties(properties)
            if self._gated or (scope is not None and scope.consent):
                context = self._gates.admit(event, user_id, anonymous_id, context, scope)
                properties = self._gates.fill(properties)
            body = object_body(properties)
            violations: Sequence[Violation] = NO_VIOLATIONS
            if decode is not None:
                try:
                    fields = decode(body)
                    fits = leftover is None or leftover(fields)
                except Exception:  # whatever it is, the full check has the last word
                    fits = False
                if not fits and self._plan is not None:
                    violations = self._plan.track(event, body)
            elif self._plan is not None:
                violations = self._plan.track(event, body)
            if redact is not None:
                body = redact(body)
            rest = b'%b,"properties":%b' % (people(user_id, anonymous_id), body)
            if integrations is not None:
                rest += object_member(b"integrations", integrations)
            if context is None and session_id is None and not violations:
                rest += self._plain_end
            else:
                rest += self._context.end(context, session_id, violations)
            return self._enqueue(start, rest, message_id, timestamp, violations)
        except Exception as error:
            self._refuse(
                error, {"type": "track", "event": event, "properties": properties}, user_id, anonymous_id, message_id
            )
            return None

    def identify(
        self,
        user_id: Id | None = None,
        traits: Mapping[str, object] | None = None,
        *,
        anonymous_id: Id | None = None,
        session_id: Id | None = None,
        timestamp: datetime | str | None = None,
        context: Mapping[str, object] | None = None,
        integrations: Mapping[str, object] | None = None,
        message_id: str | None = None,
    ) -> str | None:
        """Send what is known about a person; returns the `messageId`, None if the event was refused."""
        try:
            if (scope := current()) is not None:
                user_id, anonymous_id, session_id, context = scope.fill(user_id, anonymous_id, session_id, context)
            if self._gated or (scope is not None and scope.consent):
                context = self._gates.admit("$identify", user_id, anonymous_id, context, scope)
            body = object_body(traits)
            violations: Sequence[Violation] = NO_VIOLATIONS
            if self._plan is not None:
                violations = self._plan.identify(body)
                body = self._plan.redact_traits("user", body)
            rest = b'%b,"traits":%b' % (people(user_id, anonymous_id), body)
            rest += self._end(integrations, context, session_id, violations)
            return self._enqueue(b'{"type":"identify",', rest, message_id, timestamp, violations)
        except Exception as error:
            self._refuse(error, {"type": "identify", "traits": traits}, user_id, anonymous_id, message_id)
            return None

    def page(
        self,
        name: str = "",
        properties: Mapping[str, object] | None = None,
        *,
        user_id: Id | None = None,
        anonymous_id: Id | None = None,
        session_id: Id | None = None,
        timestamp: datetime | str | None = None,
        context: Mapping[str, object] | None = None,
        integrations: Mapping[str, object] | None = None,
        message_id: str | None = None,
    ) -> str | None:
        """Send that a person saw a web page; returns the `messageId`, None if the event was refused."""
        ids = (user_id, anonymous_id, session_id)
        return self._seen("page", name, properties, ids, timestamp, context, integrations, message_id)

    def screen(
        self,
        name: str = "",
        properties: Mapping[str, object] | None = None,
        *,
        user_id: Id | None = None,
        anonymous_id: Id | None = None,
        session_id: Id | None = None,
        timestamp: datetime | str | None = None,
        context: Mapping[str, object] | None = None,
        integrations: Mapping[str, object] | None = None,
        message_id: str | None = None,
    ) -> str | None:
        """Send that a person saw an app's screen; returns the `messageId`, None if the event was refused."""
        ids = (user_id, anonymous_id, session_id)
        return self._seen("screen", name, properties, ids, timestamp, context, integrations, message_id)

    def _seen(
        self,
        kind: str,
        name: str,
        properties: Mapping[str, object] | None,
        ids: tuple[Id | None, Id | None, Id | None],
        timestamp: datetime | str | None,
        context: Mapping[str, object] | None,
        integrations: Mapping[str, object] | None,
        message_id: str | None,
    ) -> str | None:
        """Send that a person saw a page or a screen; `ids` are the user's, the anonymous and the session's."""
        user_id, anonymous_id, session_id = ids
        try:
            start = b'{"type":"%b","name":%b,' % (kind.encode(), encode_text(name_of(name)))
            if (scope := current()) is not None:
                user_id, anonymous_id, session_id, context = scope.fill(user_id, anonymous_id, session_id, context)
                properties = scope.fill_properties(properties)
            if self._gated or (scope is not None and scope.consent):
                context = self._gates.admit(f"${kind}", user_id, anonymous_id, context, scope)
                properties = self._gates.fill(properties)
            rest = people(user_id, anonymous_id) + object_member(b"properties", properties)
            rest += self._end(integrations, context, session_id)
            return self._enqueue(start, rest, message_id, timestamp)
        except Exception as error:
            given = {"type": kind, "name": name, "properties": properties}
            self._refuse(error, given, user_id, anonymous_id, message_id)
            return None

    def group(
        self,
        group_id: Id,
        traits: Mapping[str, object] | None = None,
        *,
        user_id: Id | None = None,
        anonymous_id: Id | None = None,
        session_id: Id | None = None,
        timestamp: datetime | str | None = None,
        context: Mapping[str, object] | None = None,
        integrations: Mapping[str, object] | None = None,
        message_id: str | None = None,
    ) -> str | None:
        """
        Send that a person belongs to an account, and the account's traits; returns the `messageId` or None.
        """
        try:
            if not is_given(group_id):
                raise Refused(Dropped.NO_PERSON)
            if (scope := current()) is not None:
                user_id, anonymous_id, session_id, context = scope.fill(user_id, anonymous_id, session_id, context)
            if self._gated or (scope is not None and scope.consent):
                context = self._gates.admit("$group", user_id, anonymous_id, context, scope)
            body = object_body(traits)
            violations: Sequence[Violation] = NO_VIOLATIONS
            if self._plan is not None:
                violations = self._plan.group(body)
                body = self._plan.redact_traits("account", body)
            start = b'{"type":"group","groupId":%b,' % encode_text(group_id)
            rest = b'%b,"traits":%b' % (people(user_id, anonymous_id), body)
            rest += self._end(integrations, context, session_id, violations)
            return self._enqueue(start, rest, message_id, timestamp, violations)
        except Exception as error:
            self._refuse(
                error, {"type": "group", "groupId": group_id, "traits": traits}, user_id, anonymous_id, message_id
            )
            return None

    def alias(
        self,
        previous_id: Id,
        user_id: Id,
        *,
        session_id: Id | None = None,
        timestamp: datetime | str | None = None,
        context: Mapping[str, object] | None = None,
        integrations: Mapping[str, object] | None = None,
        message_id: str | None = None,
    ) -> str | None:
        """
        Send that `previous_id` and `user_id` are one person; returns the `messageId`, None if it was refused.
        """
        try:
            if not is_given(previous_id):
                raise Refused(Dropped.NO_PERSON)
            start = b'{"type":"alias","previousId":%b,' % encode_text(previous_id)
            if (scope := current()) is not None:
                _, _, session_id, context = scope.fill(user_id, None, session_id, context)
            if self._gated or (scope is not None and scope.consent):
                context = self._gates.admit("$alias", user_id, None, context, scope)
            rest = people(user_id, None) + self._end(integrations, context, session_id)
            return self._enqueue(start, rest, message_id, timestamp)
        except Exception as error:
            self._refuse(error, {"type": "alias", "previousId": previous_id}, user_id, None, message_id)
            return None

    def _learn(self, event: str) -> Known:
        """Return what is the same for all events of this name."""
        if not event:
            raise Refused(Dropped.NO_EVENT_NAME)
        fast = self._plan.fast(event) if self._plan is not None else None
        decode, leftover = fast or (None, None)
        redact = self._plan.redacts(event) if self._plan is not None else None
        known = (b'{"type":"track","event":%b,' % encode_text(event), decode, leftover, redact)
        if len(self._known) < MAX_KNOWN_EVENTS:
            self._known[event] = known
        return known

    def _end(
        self,
        integrations: Mapping[str, object] | None,
        context: Mapping[str, object] | None,
        session_id: Id | None,
        violations: Sequence[Violation] = NO_VIOLATIONS,
    ) -> bytes:
        end = self._context.end(context, session_id, violations)
        return end if integrations is None else object_member(b"integrations", integrations) + end
