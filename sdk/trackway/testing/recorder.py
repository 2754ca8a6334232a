"""
What the code under test emits, whichever trackers it has: `record()`, and the fixture `tracked` made of it.

    tracker.track(…) ─▶ its event, finished and judged ─▶ Tracked.heard ─▶ kept here, counted as acked, never sent
"""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, TypeVar

import msgspec

from trackway._books import Dropped
from trackway._errors import PlanViolationError
from trackway._listening import listeners
from trackway.testing.events import TrackedEvent
from trackway.testing.matching import differences
from trackway.testing.messages import broken, explain, wanted
from trackway.testing.plans import PlanJudge, release_of
from trackway.testing.snapshots import Snapshots, normalised
from trackway.testing.transports import DryRun, RecordingTransport

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Mapping, Sequence

    from trackway._intake import Intake
    from trackway._listening import Listener
    from trackway_plan import Release, Violation

L = TypeVar("L", bound="Listener")

_decode = msgspec.json.decode

local_hosts: set[str] = set()
"""Collectors of this very process (`trackway.testing.collector`): what is for them is recorded and goes there."""


class Refusal(NamedTuple):
    """A call that made no event: it could not be one, or the program keeps such events back."""

    reason: str
    """A `Dropped` reason, such as `no_person` or `no_consent`."""
    name: str = ""
    """The event's name, as far as it has one: `Order Completed`, `$identify`."""
    text: str = ""
    """What was wrong, as far as it is known."""


class Tracked:
    """
    The events emitted while it listens, oldest first, and what a test wants to say about them.

    Each assertion takes the event's name, and the properties it must at least have, by name or as a mapping.
    """

    def __init__(self, plan: Release | None = None, snapshots: Snapshots | None = None) -> None:
        """Check events of trackers that have no plan by `plan`; keep snapshots where `snapshots` says."""
        self._judge = PlanJudge(plan)
        self._snapshots = snapshots
        self._changed = threading.Condition()
        self._events: list[TrackedEvent] = []
        self._refusals: list[Refusal] = []
        self._raised: list[tuple[str, Violation]] = []
        self._unread = 0

    # What there is

    @property
    def events(self) -> list[TrackedEvent]:
        """Every event so far."""
        with self._changed:
            return list(self._events)

    @property
    def names(self) -> list[str]:
        """The name of every event so far: `["Cart Viewed", "$identify"]`."""
        return [event.name for event in self.events]

    @property
    def refusals(self) -> list[Refusal]:
        """The calls that made no event, which a program notices only in the tracker's books and log."""
        with self._changed:
            return list(self._refusals)

    def named(self, name: str) -> list[TrackedEvent]:
        """Return the events of this name."""
        return [event for event in self.events if event.name == name]

    def matching(
        self, name: str, properties: Mapping[str, object] | None = None, /, **more: object
    ) -> list[TrackedEvent]:
        """Return the events of this name that have at least these properties."""
        expected = {**(properties or {}), **more}
        return [event for event in self.named(name) if not differences(expected, event)]

    def clear(self) -> None:
        """Forget everything so far, as a test does between its arrangement and its act."""
        with self._changed:
            for kept in (self._events, self._refusals, self._raised):
                kept.clear()
            self._unread = 0

    def __len__(self) -> int:
        return len(self._events)

    def __iter__(self) -> Iterator[TrackedEvent]:
        return iter(self.events)

    def __getitem__(self, position: int) -> TrackedEvent:
        return self.events[position]

    def __repr__(self) -> str:
        return f"<Tracked {self.names}>"

    # What a test says of it

    def only(self, name: str, properties: Mapping[str, object] | None = None, /, **more: object) -> TrackedEvent:
        """Return the one event there is; fails if it is another, or not the only one."""
        __tracebackhide__ = True
        expected = {**(properties or {}), **more}
        events = self.events
        if len(events) == 1 and events[0].name == name and not differences(expected, events[0]):
            return events[0]
        self._fail(f"Expected exactly one event, {wanted(name, expected)}.", name, expected)

    def once(self, name: str, properties: Mapping[str, object] | None = None, /, **more: object) -> TrackedEvent:
        """Return the one event that matches; fails if none or several do. Other events do not matter."""
        __tracebackhide__ = True
        expected = {**(properties or {}), **more}
        found = self.matching(name, expected)
        if len(found) == 1:
            return found[0]
        self._fail(f"Expected {wanted(name, expected)} once; {len(found) or 'none'} matched.", name, expected)

    def assert_none(
        self, name: str | None = None, properties: Mapping[str, object] | None = None, /, **more: object
    ) -> None:
        """Fail if there is an event; with a name, if there is one that matches."""
        __tracebackhide__ = True
        expected = {**(properties or {}), **more}
        if name is None:
            if self.events:
                self._fail("Expected no event.")
        elif self.matching(name, expected):
            self._fail(f"Expected no {wanted(name, expected)}.", name, expected)

    def wait_for(
        self,
        name: str,
        properties: Mapping[str, object] | None = None,
        /,
        *,
        timeout_s: float = 5.0,
        **more: object,
    ) -> TrackedEvent:
        """
        Return the first event that matches, as soon as it is there: for what another thread emits.

        It blocks its thread; in a coroutine, await what emits instead.
        """
        __tracebackhide__ = True
        expected = {**(properties or {}), **more}
        with self._changed:
            found = self._changed.wait_for(lambda: self.matching(name, expected), timeout_s)
        if found:
            return found[0]
        self._fail(f"Expected {wanted(name, expected)} within {timeout_s:g} s.", name, expected)

    # The plan

    @property
    def violations(self) -> list[tuple[str, Violation]]:
        """
        How the events, and the calls refused for it, depart from the plan: pairs of the event's name and the violation.

        Reading them says that the test judges them itself; see the option `--trackway-plan`.
        """
        with self._changed:
            self._unread = 0
            return self._raised + _violations(self._events)

    def assert_fits_plan(self) -> None:
        """Fail if an event departs from the plan, or if no plan was there to check an event."""
        __tracebackhide__ = True
        found = self.violations
        if found:
            raise AssertionError(broken("Expected events that fit the plan.", found))
        if self._judge.unchecked:
            msg = (
                f"No plan checks the events of {', '.join(sorted(self._judge.unchecked))}.\n"
                "  Give the tracker a plan, or write: pytest --trackway-plan releases/0001.json"
            )
            raise AssertionError(msg)

    def assert_violations_read(self) -> None:
        """Fail if there are violations that the test has not looked at; the fixture does it under `--trackway-plan`."""
        __tracebackhide__ = True
        with self._changed:
            unread = self._unread
        if unread:
            raise AssertionError(
                broken("The test emitted events that break the plan of --trackway-plan.", self.violations)
            )

    # Snapshots

    def snapshot(self, *, ignore: Sequence[str] = (), timestamps: bool = False) -> list[dict[str, Any]]:
        """
        Return the events without what differs from run to run: ids of messages, times, versions.

        A UUID inside a value becomes `<uuid 1>`, the same one the same everywhere. `ignore` names more places,
        `userId` or `properties.order_id`, whose values become `<ignored>`; `timestamps` keeps the times.
        """
        return normalised(self.events, ignore=ignore, timestamps=timestamps)

    def assert_matches(self, name: str = "", *, ignore: Sequence[str] = (), timestamps: bool = False) -> None:
        """
        Fail if the snapshot is not the one kept beside the test; `pytest --trackway-update` writes it anew.

        `name` tells several snapshots of one test apart. The rest is as in `snapshot`.
        """
        __tracebackhide__ = True
        if self._snapshots is None:
            msg = "Snapshots need the fixture `tracked`, which knows where the test is."
            raise RuntimeError(msg)
        self._snapshots.check(name, self.snapshot(ignore=ignore, timestamps=timestamps))

    # The listener

    def heard(self, tracker: Intake, event: bytes, violations: Sequence[Violation]) -> bool:
        """Keep an event; returns whether it is kept from the network."""
        raw = _decode(event)
        found = tuple(violations) or self._judge.violations(tracker, raw)
        with self._changed:
            self._events.append(TrackedEvent(raw, found))
            self._unread += len(found) if tracker._plan_check is None else 0
            self._changed.notify_all()
        return not stays_local(tracker)

    def refused(self, tracker: Intake, error: Exception, given: Mapping[str, Any]) -> None:
        """Keep the reason why a call made no event."""
        broke_plan = isinstance(error, PlanViolationError)
        reason = Dropped.VIOLATION if broke_plan else getattr(error, "reason", Dropped.INTERNAL_ERROR)
        text = str(error) if broke_plan or reason is Dropped.INTERNAL_ERROR else reason.hint
        with self._changed:
            name = given.get("event") if given["type"] == "track" else f"${given['type']}"
            self._refusals.append(Refusal(str(reason), str(name or ""), text))
            if isinstance(error, PlanViolationError):
                self._raised += [(error.event, violation) for violation in error.violations]
            self._changed.notify_all()

    def _fail(self, headline: str, name: str | None = None, properties: Mapping[str, object] | None = None) -> NoReturn:
        __tracebackhide__ = True
        raise AssertionError(explain(headline, self.events, self.refusals, name, properties))


@contextlib.contextmanager
def record(plan: Release | str | os.PathLike[str] | None = None) -> Iterator[Tracked]:
    """
    Record what every tracker of this process emits inside the block, and send none of it.

    Blocks may be nested: each records. A tracker whose transport is a `RecordingTransport` or a `DryRun`, or whose host
    is a `trackway.testing.collector`, keeps sending there. `plan` (a release or its file) checks the events of trackers
    that have none.
    """
    with listening(Tracked(release_of(plan))) as tracked:
        yield tracked


@contextlib.contextmanager
def listening(listener: L) -> Iterator[L]:
    """Have a listener hear every tracker inside the block."""
    listeners.append(listener)
    try:
        yield listener
    finally:
        listeners.remove(listener)


def _violations(events: Sequence[TrackedEvent]) -> list[tuple[str, Violation]]:
    return [(event.name, violation) for event in events for violation in event.violations]


def stays_local(tracker: Intake) -> bool:
    """Return whether what the tracker sends stays in this process, so that it need not be kept from going out."""
    return isinstance(tracker._transport, RecordingTransport | DryRun) or tracker.options.host in local_hosts
