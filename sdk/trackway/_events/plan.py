"""
The tracking plan at the client: one release, judged by the collector's own validator, what to do about verdicts, and
what the plan forbids to store, which does not even leave.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import msgspec

from trackway._books import Dropped
from trackway._errors import ConfigurationError, PlanViolationError
from trackway._events.arguments import Refused
from trackway._lifecycle import importing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trackway._options import OnViolation
    from trackway_plan import Release, Verdict, Violation

    Fast = tuple[Callable[[bytes], Any], Callable[[Any], bool] | None]
    """A decoder, and what it leaves to check; success of both means that the event fits the plan."""

log = logging.getLogger("trackway")

NO_VIOLATIONS: tuple[Violation, ...] = ()
MAX_REPORTED = 1000
"""
So many kinds of violation are logged, once each; a flood of new event names must not fill memory and log.
"""


class PlanCheck:
    """
    Judges one program's events by one release, and applies its `on_violation`. Safe to share between threads.
    """

    def __init__(self, release: Release, source: str | None, policy: OnViolation, hash_key: str | None = None) -> None:
        """
        Build the checks of all events.

        Raises:
            ConfigurationError: the plan does not know this source.
        """
        from trackway_plan import Validator
        from trackway_plan.redact import Redactor

        if source is not None and release.sources and source not in release.sources:
            known = ", ".join(sorted(release.sources))
            msg = f"`source` is {source!r}. Plan `{release.name}` revision {release.rev} knows: {known}."
            raise ConfigurationError(msg)
        self.stamp: dict[str, object] = {"plan": release.name, "rev": release.rev, "hash": release.hash}
        """What `context.protocols` says on every event."""
        self.on = policy != "off"
        """Whether events are checked at all."""
        self.release = release
        self._source = source
        self._policy = policy
        self._validator = Validator(release)
        # Without a key, values to be hashed leave as they are; what is to be dropped never leaves.
        self._redactor = Redactor([release], hash_key.encode() if hash_key else None)
        self._fast_events = frozenset(self._validator.fast_events(source))
        self._ways: dict[str, tuple[Fast | None, Callable[[bytes], bytes] | None]] = {}
        self._warm = False
        self._reported: set[tuple[str, str, str]] = set()

    def fast(self, event: str) -> Fast | None:
        """
        Return the quick check of an event, None if it has none.

        It takes about 0.7 µs, against some 10 µs for the full verdict, which only the events that fail it
        need.
        """
        kind = self._validator.properties_type(event) if self.on and event in self._fast_events else None
        if kind is None:
            return None
        return msgspec.json.Decoder(kind).decode, self._validator.extra_check(event)

    def redacts(self, event: str) -> Callable[[bytes], bytes] | None:
        """Return what takes out of an event's properties what may not be stored; None if they may leave whole."""
        rule = self._redactor.events.get(event)
        return None if rule is None else lambda body: bytes(self._redactor.value(rule, body))

    def redact_traits(self, whose: str, body: bytes) -> bytes:
        """Return the traits of a `user` or an `account` without what may not be stored."""
        return bytes(self._redactor.traits_of(whose, body))

    def track(self, event: str, properties: bytes) -> Sequence[Violation]:
        """Return what is wrong with an event, in full; raises as `on_violation` asks."""
        return self._judge(event, lambda: self._validator.check_track(event, properties, self._source))

    def identify(self, traits: bytes) -> Sequence[Violation]:
        """Return what is wrong with a user's traits; raises as `on_violation` asks."""
        return self._judge("$identify", lambda: self._validator.check_traits("user", traits, self._source))

    def group(self, traits: bytes) -> Sequence[Violation]:
        """Return what is wrong with an account's traits; raises as `on_violation` asks."""
        return self._judge("$group", lambda: self._validator.check_traits("account", traits, self._source))

    def judge(self, kind: str, event: str, body: bytes) -> tuple[Sequence[Violation], bytes]:
        """
        Return what is wrong with the properties or traits of any call, and what of them may leave; raises as
        `on_violation` asks. `event` is the name of a `track`.
        """
        if kind == "track":
            return self._judge_track(event, body)
        if kind == "identify":
            return self.identify(body), self.redact_traits("user", body)
        if kind == "group":
            return self.group(body), self.redact_traits("account", body)
        return NO_VIOLATIONS, body

    def _judge_track(self, event: str, body: bytes) -> tuple[Sequence[Violation], bytes]:
        ways = self._ways.get(event)
        if ways is None:
            ways = (self.fast(event), self.redacts(event))
            if len(self._ways) < MAX_REPORTED:
                self._ways[event] = ways
        fast, redact = ways
        violations = NO_VIOLATIONS if fast is not None and _fits(fast, body) else self.track(event, body)
        return violations, body if redact is None else redact(body)

    def _judge(self, event: str, check: Callable[[], Verdict]) -> Sequence[Violation]:
        if not self.on:
            return NO_VIOLATIONS
        try:
            violations = self._full(check).violations
        except Exception as error:
            # A check that fails is no verdict: the event goes out unmarked, and the collector decides.
            log.error("The plan check failed (%s); the event is sent unmarked.", type(error).__name__)
            return NO_VIOLATIONS
        if not violations:
            return NO_VIOLATIONS
        if self._policy == "raise":
            raise PlanViolationError(event, violations, self.release.name, self.release.rev)
        self._report(event, violations)
        if self._policy == "drop":
            raise Refused(Dropped.VIOLATION)
        return violations

    def _full(self, check: Callable[[], Verdict]) -> Verdict:
        if self._warm:
            return check()
        with importing:  # the first full check may import what it needs, as jsonschema
            verdict = check()
            self._warm = True
        return verdict

    def _report(self, event: str, violations: Sequence[Violation]) -> None:
        """
        Log each kind of violation once, by code and path: the message may quote a value, which may be
        personal.
        """
        for violation in violations:
            kind = (event, violation.code, violation.path)
            if kind not in self._reported and len(self._reported) < MAX_REPORTED:
                self._reported.add(kind)
                where = _one_line(kind[2]) or "(event)"
                log.warning("Event `%s` breaks the plan at %s: %s.", _one_line(event), where, kind[1])


def _one_line(text: str) -> str:
    """Return a name as one line that every log can hold: a client may have put line ends or half characters into it."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def _fits(fast: Fast, body: bytes) -> bool:
    decode, leftover = fast
    try:
        fields = decode(body)
        return leftover is None or leftover(fields)
    except Exception:  # whatever it is, the full check has the last word
        return False


def load_release(path: str) -> Release:
    """
    Return the release in a file; raises ConfigurationError, which says where it looked and how to write one.
    """
    from pathlib import Path  # here: a program without a plan does without it

    from trackway_plan import Release, ReleaseError

    where = Path(path)
    if where.is_dir():
        msg = f"`plan` is a directory: {where.absolute()}. Name a release in it, as releases/0001.json."
        raise ConfigurationError(msg)
    try:
        return Release.load(where)
    except ReleaseError as error:
        msg = f"`plan` cannot be used: {error}\n  Looked at: {where.absolute()}."
        raise ConfigurationError(msg) from error
