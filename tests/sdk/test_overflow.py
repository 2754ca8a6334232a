"""The outbox when it is full, purged, or has losses to report: a state machine against a simple model."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from trackway import Dropped, Options
from trackway._books import Books
from trackway._delivery.answers import Acked, Recode, Rejected, Retry, Split, Verdict
from trackway._delivery.losses import LossReport, LossReports
from trackway._delivery.outbox import Batch, Outbox
from trackway._notices import Notices


def event(number: int, size: int = 100) -> bytes:
    """Return an event that knows its number, of this many bytes."""
    front = b'{"n":%08d,"x":"' % (number + 10_000_000)
    return front + b"x" * (size - len(front) - 2) + b'"}'


def number_of(raw: bytes) -> int:
    return int(raw[5:13]) - 10_000_000


def full_box(**changes: Any) -> tuple[Outbox, Books, list[tuple[Dropped, int]]]:
    """Return an outbox with room for three events, its books, and the drops it tells of."""
    told: list[tuple[Dropped, int]] = []
    notices = Notices(lambda reason, it: told.append((reason, it["n"] - 10_000_000)), None)
    books = Books(notices)
    box = Outbox(Options(write_key="k", **{"max_queue_events": 3, **changes}), books, wake=lambda: None)
    return box, books, told


def test_making_room_drops_the_oldest_event_that_waits() -> None:
    """What waits longest goes; what is on its way may have been stored, and stays."""
    box, books, told = full_box(max_batch_events=1)
    for number in (1, 2, 3):
        assert box.add(event(number))
    box.take(0.0)
    assert not box.add(event(4))
    assert box.make_room(100)
    assert box.add(event(4))
    books.notices.tell()  # type: ignore[union-attr]
    assert told == [(Dropped.QUEUE_FULL, 2)]


def test_no_room_is_made_where_none_would_be_enough() -> None:
    """Events are not dropped for nothing: all room is taken by what is on its way."""
    box, books, _ = full_box(max_batch_events=3)
    for number in (1, 2, 3):
        box.add(event(number))
    box.take(0.0)
    assert not box.make_room(100)
    assert (box.pending, books.dropped.total()) == (3, 0)


def test_a_flush_does_not_end_early_because_newer_events_were_dropped() -> None:
    """Event 1 is on its way while 2 and 3 are dropped for 4 and 5: what was there at the flush has not all left."""
    box, _, _ = full_box(max_batch_events=1)
    for number in (1, 2):
        box.add(event(number))
    batch = box.take(0.0)
    target = box.request_flush()
    for number in (3, 4, 5):
        assert box.add(event(number)) or (box.make_room(100) and box.add(event(number)))
    assert box.settled < target
    box.settle(batch, Acked(), 0.1)
    assert box.settled >= target


def test_what_is_purged_while_it_is_on_its_way_is_not_sent_again() -> None:
    """The collector has the batch or not; if not, the purged event does not get a second chance."""
    box, books, told = full_box()
    for number in (1, 2):
        box.add(event(number))
    batch = box.take(0.0)
    box.add(event(3))
    assert box.purge(lambda raw: number_of(raw) in (2, 3)) == (1, 1)
    box.settle(batch, Retry("reset"), 0.1)
    assert [number_of(raw) for raw in box.take(60.0).events] == [1]
    books.notices.tell()  # type: ignore[union-attr]
    assert told == [(Dropped.PURGED, 3), (Dropped.PURGED, 2)]


def test_a_flush_counts_what_left_out_of_turn() -> None:
    """Event 2 was stored before 1, which comes again; a flush then waits for 1 and for 3, which is not due before."""
    box, _, _ = full_box(max_batch_events=2, backoff_base_s=0.001)
    for number in (1, 2):
        box.add(event(number))
    box.settle(box.take(0.0), Acked(retry=(0,)), 0.0)
    box.add(event(3))
    target = box.request_flush()
    box.settle(box.take(1.0), Acked(), 1.0)
    assert box.settled < target
    box.settle(box.take(1.0), Acked(), 1.0)
    assert box.settled >= target


def test_what_is_purged_on_its_way_stays_purged_when_only_a_part_comes_back() -> None:
    """The collector stored 1 and wants 2 and 3 again; 2 was purged meanwhile."""
    box, books, _ = full_box(backoff_base_s=0.001)
    for number in (1, 2, 3):
        box.add(event(number))
    batch = box.take(0.0)
    box.purge(lambda raw: number_of(raw) == 2)
    box.settle(batch, Acked(retry=(1, 2)), 0.0)
    assert [number_of(raw) for raw in box.take(1.0).events] == [3]
    assert (books.acked, books.dropped) == (1, {Dropped.PURGED: 1})


def test_a_report_travels_unchanged_until_a_request_with_it_is_answered_200() -> None:
    """A lost answer makes the report come twice with one id; what is lost meanwhile waits for the next one."""
    box, books, _ = full_box(backoff_base_s=0.001)
    books.dropped[Dropped.NO_PERSON] = 2
    books.dropped[Dropped.SAMPLED_OUT] = 90
    box.add(event(1))
    batch = box.take(0.0)
    first = batch.losses
    assert first is not None
    assert first.events == (("no_person", 2),)
    books.dropped[Dropped.NO_PERSON] = 5
    box.settle(batch, Retry("reset"), 0.1)
    assert box.take(60.0).losses is first
    box.settle(batch, Acked(), 60.0)
    box.add(event(2))
    second = box.take(70.0).losses
    assert second is not None
    assert second.events == (("no_person", 3),)
    assert second.id != first.id


def test_a_report_of_every_reason_fits_beside_a_full_batch() -> None:
    """The envelope has a kilobyte; reasons and numbers take less, however many were lost."""
    reports = LossReports(dict.fromkeys(Dropped, 10**9))
    report = reports.due()
    assert report is not None
    assert {reason for reason, _ in report.events} == {reason for reason in Dropped if not reason.asked_for}
    assert len(report.members()) < 900
    read = msgspec.json.decode(b"{" + report.members() + b'"batch":[]}')
    assert read["lossesId"] == report.id


class EveryEventEndsOnce(RuleBasedStateMachine):
    """Whatever is dropped, purged, answered or given up: each event ends once, and flush and reports tell the truth."""

    @initialize(events=st.integers(1, 4), queue=st.integers(1, 8), give_up=st.sampled_from([0.0, 5.0, 1000.0]))
    def start(self, events: int, queue: int, give_up: float) -> None:
        self.dropped: dict[int, Dropped] = {}
        self.notices = Notices(self.on_drop, None)
        self.books = Books(self.notices)
        self.options = Options(
            write_key="k",
            max_batch_events=events,
            max_batch_bytes=32_768,
            max_queue_events=queue,
            max_queue_bytes=100_000,
            give_up_after_s=give_up,
        )
        self.box = Outbox(self.options, self.books, wake=lambda: None, dice=lambda: 0.0)
        self.now = 0.0
        self.sizes: dict[int, int] = {}
        self.ended: set[int] = set()
        self.out: Batch | None = None
        self.purging: set[int] = set()
        self.flushes: list[tuple[int, set[int]]] = []
        self.counted: dict[str, LossReport] = {}

    def on_drop(self, reason: Dropped, it: dict[str, Any]) -> None:
        number = it["n"] - 10_000_000
        assert number not in self.dropped
        self.dropped[number] = reason

    @property
    def pending(self) -> set[int]:
        self.notices.tell()
        return self.sizes.keys() - self.ended - self.dropped.keys()

    @rule(size=st.one_of(st.just(100), st.integers(50, 32_768)), oldest=st.booleans())
    def track(self, size: int, oldest: bool) -> None:
        number = len(self.sizes) + 1
        self.sizes[number] = size
        self.books.enqueued += 1
        raw = event(number, size)
        fits = self.box.has_room(size)
        assert self.box.add(raw) == fits
        if not fits and not (oldest and self.box.make_room(size) and self.box.add(raw)):
            self.books.drop(Dropped.QUEUE_FULL, [raw])

    @rule(seconds=st.floats(0, 40))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule(odd=st.booleans())
    def purge(self, odd: bool) -> None:
        doomed = {number for number in self.pending if number % 2 == odd}
        out = {number_of(raw) for raw in self.out.events} if self.out is not None else set()
        gone, in_flight = self.box.purge(lambda raw: number_of(raw) in doomed)
        assert (gone, in_flight) == (len(doomed - out), len(doomed & out))
        self.purging |= doomed & out

    @precondition(lambda self: self.out is None and self.box.due_in(self.now) == 0)
    @rule()
    def take(self) -> None:
        self.out = self.box.take(self.now)
        assert len(self.out.events) <= self.options.max_batch_events
        assert len(b",".join(self.out.events)) <= self.options.max_batch_bytes
        assert not {number_of(raw) for raw in self.out.events} & self.purging

    @precondition(lambda self: self.out is None)
    @rule()
    def take_report(self) -> None:
        self.out = self.box.take_report()

    @precondition(lambda self: self.out is not None)
    @rule(data=st.data(), report_arrives=st.booleans())
    def answer(self, data: st.DataObject, report_arrives: bool) -> None:
        batch, self.out = self.out, None
        assert batch is not None
        numbers = [number_of(raw) for raw in batch.events]
        again = tuple(sorted(data.draw(st.sets(st.sampled_from(range(len(numbers)))) if numbers else st.just(set()))))
        answers: list[Verdict] = [
            Acked(),
            Acked(retry=again),
            Acked(retry=tuple(range(len(numbers) // 2, len(numbers)))),
            Rejected("unknown_write_key"),
            Retry("reset"),
            Recode("zstd"),
        ]
        if len(numbers) > 1:
            answers.append(Split())
        verdict = data.draw(st.sampled_from(answers))
        if batch.losses is not None and (isinstance(verdict, Acked) or (verdict == Retry("reset") and report_arrives)):
            # What a collector does that remembers ids, the answer lost or not.
            assert self.counted.setdefault(batch.losses.id, batch.losses) == batch.losses
        if isinstance(verdict, Acked):
            self.ended |= {number for position, number in enumerate(numbers) if position not in verdict.retry}
        if isinstance(verdict, Rejected):
            self.ended |= set(numbers)
        self.box.settle(batch, verdict, self.now)

    @rule()
    def flush(self) -> None:
        self.flushes.append((self.box.request_flush(), self.pending))

    @precondition(lambda self: len(self.sizes) > 10)
    @rule()
    def abandon(self) -> None:
        self.out = None
        self.box.abandon(Dropped.NOT_SENT_IN_TIME)

    @invariant()
    def each_event_ended_once(self) -> None:
        if not hasattr(self, "box"):
            return
        pending = self.pending
        assert not self.dropped.keys() & self.ended
        assert self.box.pending == len(pending)
        assert self.box.pending_bytes == sum(self.sizes[number] for number in pending)
        assert self.books.stats(self.box.pending).balanced
        assert Counter(self.dropped.values()) == self.books.dropped

    @invariant()
    def a_flush_ends_when_all_of_it_has_left(self) -> None:
        if not hasattr(self, "box"):
            return
        for target, then in self.flushes:
            if self.box.settled >= target:
                assert not then & self.pending
            else:
                assert self.pending

    @invariant()
    def no_loss_is_counted_twice(self) -> None:
        if not hasattr(self, "box"):
            return
        reported: Counter[str] = Counter()
        for report in self.counted.values():
            reported.update(dict(report.events))
        assert all(count <= self.books.dropped[reason] for reason, count in reported.items())
        assert not {reason for reason in reported if Dropped(reason).asked_for}

    def teardown(self) -> None:
        """With the collector back, all leaves and every loss is reported."""
        if not hasattr(self, "box"):
            return
        if self.out is not None:
            self.box.settle(self.out, Retry("reset"), self.now)
        self.box.drain()
        for _ in range(10 * len(self.sizes) + 10):
            if not self.box.pending:
                break
            self.now += self.box.due_in(self.now) or 0.0
            self.settle_well(self.box.take(self.now))
        assert not self.box.pending
        while (report := self.box.take_report()) is not None:
            self.settle_well(report)
        assert all(self.box.settled >= target for target, _ in self.flushes)
        reported: Counter[str] = Counter()
        for sent in self.counted.values():
            reported.update(dict(sent.events))
        assert reported == {reason: n for reason, n in self.books.dropped.items() if not Dropped(reason).asked_for}

    def settle_well(self, batch: Batch) -> None:
        if batch.losses is not None:
            self.counted.setdefault(batch.losses.id, batch.losses)
        self.box.settle(batch, Acked(), self.now)


TestEveryEventEndsOnce = EveryEventEndsOnce.TestCase
TestEveryEventEndsOnce.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


def test_halves_of_a_batch_hold_nothing_that_was_purged_while_it_was_whole() -> None:
    """The answer that a batch is too big says that nothing of it was stored; the purged go before it is cut."""
    books = Books()
    box = Outbox(Options(write_key="shop-key", max_batch_events=4), books, wake=lambda: None)
    for event in (b"a1", b"b1", b"a2", b"b2"):
        assert box.add(event)
    batch = box.take(0.0)
    target = box.request_flush()
    assert box.purge(lambda event: event.startswith(b"a")) == (0, 2)
    box.settle(batch, Split(), 0.0)
    sent = []
    while box.due_in(1.0) == 0:
        half = box.take(1.0)
        sent += half.events
        box.settle(half, Acked(), 1.0)
    assert (sent, books.dropped, box.settled) == ([b"b1", b"b2"], {Dropped.PURGED: 2}, target)
