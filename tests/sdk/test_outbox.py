from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from trackway._books import Books, Dropped
from trackway._delivery.answers import Acked, Rejected, Retry, Split, Verdict
from trackway._delivery.outbox import Batch, Outbox
from trackway._options import Options

OK = Acked(Counter())


def outbox(books: Books | None = None, dice: float = 0.5, **settings: Any) -> Outbox:
    options = Options(write_key="shop-key", **settings)
    return Outbox(options, books or Books(), wake=lambda: None, dice=lambda: dice)


def added(box: Outbox, *events: bytes) -> Outbox:
    for event in events:
        assert box.add(event)
    return box


def test_nothing_is_due_when_nothing_is_there() -> None:
    """An idle tracker does not wake up."""
    assert outbox().due_in(0.0) is None


def test_an_event_waits_for_company_until_the_interval_has_passed() -> None:
    """Age is one of the three reasons to cut a batch."""
    box = added(outbox(flush_interval_s=0.5), b"a")
    assert box.due_in(10.0) == 0.5
    added(box, b"b")
    assert box.due_in(10.25) == 0.25
    assert box.due_in(10.5) == 0
    assert box.take(10.5).events == [b"a", b"b"]


def test_a_full_batch_leaves_at_once() -> None:
    """Count is another; what does not fit into it stays."""
    box = added(outbox(max_batch_events=2), b"a", b"b", b"c")
    assert box.due_in(0.0) == 0
    batch = box.take(0.0)
    assert batch.events == [b"a", b"b"]
    box.settle(batch, OK, 0.1)
    assert box.due_in(0.1) == 0.4


def test_a_hundred_events_do_not_wait_for_more_unless_a_batch_is_out() -> None:
    """An idle sender keeps as little in memory as it can; a busy one has larger batches, and so fewer requests."""
    box = added(outbox(), *[b"a"] * 99)
    assert box.due_in(0.0) == 0.5
    added(box, b"b")
    assert box.due_in(0.0) == 0
    first = box.take(0.0)
    assert len(first.events) == 100
    added(box, *[b"c"] * 450)
    assert box.due_in(0.1) is None
    box.settle(first, OK, 0.1)
    assert len(box.take(0.1).events) == 450


def test_a_batch_never_exceeds_its_bytes() -> None:
    """
    Bytes are the third, commas counted: three events of 20,000 fit into 60,003 bytes and not into 60,002.
    """
    event = b"x" * 20_000
    for limit, fit in ((60_003, 3), (60_002, 2)):
        box = added(outbox(max_batch_bytes=limit), event, event, event, event)
        assert box.due_in(0.0) == 0
        assert len(box.take(0.0).events) == fit


def test_the_queue_is_bounded_by_events_and_by_bytes() -> None:
    """What is on its way counts, too: it takes the same memory."""
    box = added(outbox(max_queue_events=2, max_batch_events=1), b"a", b"b")
    box.take(0.0)
    assert not box.add(b"c")
    box = added(outbox(max_queue_bytes=40_000), b"x" * 30_000)
    assert not box.add(b"x" * 10_001)
    assert box.add(b"x" * 10_000)


def test_wake_is_called_for_the_first_event_and_for_a_full_batch_only() -> None:
    """Waking a thread costs more than tracking an event."""
    calls = []
    box = Outbox(Options(write_key="k", max_batch_events=3), Books(), wake=lambda: calls.append(1))
    counts = []
    for _ in range(5):
        box.add(b"a")
        counts.append(len(calls))
    assert counts == [1, 1, 2, 2, 2]


def test_nobody_is_woken_while_a_batch_is_out() -> None:
    """Its sender is awake, and asks again what is due when it has settled the batch."""
    calls = []
    box = Outbox(Options(write_key="k", max_batch_events=3), Books(), wake=lambda: calls.append(1))
    added(box, b"a")
    batch = box.take(0.0)
    added(box, b"b", b"c", b"d")
    assert len(calls) == 1
    assert box.due_in(0.1) is None
    box.settle(batch, OK, 0.1)
    assert box.due_in(0.1) == 0


def test_the_pause_doubles_up_to_its_cap_and_jitter_takes_any_part_of_it() -> None:
    """Full jitter: from nothing to 0.5 s, then to 1 s, 2 s, … 30 s."""
    for dice in (0.0, 0.5, 0.999):
        box = added(outbox(dice=dice, max_batch_events=1), b"a")
        now, pauses = 0.0, []
        for _ in range(9):
            batch = box.take(now)
            box.settle(batch, Retry("http_503"), now)
            pause = box.due_in(now)
            assert pause is not None
            pauses.append(pause)
            now += pause
        ceilings = [0.5, 1, 2, 4, 8, 16, 30, 30, 30]
        assert [round(pause, 6) for pause in pauses] == [round(dice * ceiling, 6) for ceiling in ceilings]


def test_the_collectors_wish_to_wait_is_a_minimum() -> None:
    """Retry-After is obeyed; the jitter comes on top, so that many clients do not come back at once."""
    box = added(outbox(dice=0.5), b"a")
    box.settle(box.take(0.0), Retry("rate_limited", wait_s=7.0), 0.0)
    assert box.due_in(0.0) == 7.25


def test_a_retried_batch_goes_before_everything_else_and_stays_as_it_is() -> None:
    """
    Order on the wire is the order of the calls, and a batch that may have been stored is not mixed anew.
    """
    box = added(outbox(dice=0.0, max_batch_events=2), b"a", b"b", b"c")
    first = box.take(0.0)
    box.settle(first, Retry("reset"), 0.0)
    added(box, b"d")
    assert box.take(0.0) is first
    assert first.attempts == 2


def test_a_split_batch_is_sent_as_two_halves_in_order() -> None:
    """Halving goes on as long as the collector says that it is too much."""
    books = Books()
    box = added(outbox(books), b"a", b"b", b"c")
    box.settle(box.take(0.0), Split(), 0.0)
    first = box.take(0.0)
    box.settle(first, OK, 0.0)
    second = box.take(0.0)
    assert (first.events, second.events) == ([b"a"], [b"b", b"c"])
    box.settle(second, Rejected("batch_too_large"), 0.0)
    assert (books.acked, dict(books.rejected), box.pending, box.pending_bytes) == (
        1,
        {"batch_too_large": 2},
        0,
        0,
    )


def test_a_batch_is_given_up_after_its_time_and_counted() -> None:
    """Nothing is retried for ever, and nothing ends without a reason."""
    books = Books()
    box = added(outbox(books, dice=0.0, give_up_after_s=60), b"a")
    box.settle(box.take(0.0), Retry("reset"), 1.0)
    box.settle(box.take(59.0), Retry("reset"), 59.9)
    assert box.pending == 1
    box.settle(box.take(60.0), Retry("reset"), 60.0)
    assert (box.pending, books.dropped[Dropped.GAVE_UP]) == (0, 1)


def test_draining_forgets_our_own_pause_and_keeps_the_collectors() -> None:
    """At the end there is no later; but a collector that asked for peace gets it."""
    box = added(outbox(dice=0.9), b"a")
    box.settle(box.take(0.0), Retry("reset"), 0.0)
    box.drain()
    assert box.due_in(0.0) == 0
    box = added(outbox(dice=0.0), b"a")
    box.settle(box.take(0.0), Retry("stopping", wait_s=9.0), 0.0)
    box.drain()
    assert box.due_in(0.0) == 9.0


def test_a_late_answer_for_an_abandoned_batch_changes_nothing() -> None:
    """Each event ends once."""
    books = Books()
    box = added(outbox(books), b"a", b"b")
    batch = box.take(0.0)
    assert box.abandon(Dropped.NOT_SENT_IN_TIME) == 2
    box.settle(batch, OK, 1.0)
    assert (books.acked, books.dropped.total(), box.pending) == (0, 2, 0)


class BooksBalance(RuleBasedStateMachine):
    """Whatever the collector answers, in whatever order: enqueued = acked + rejected + dropped + pending."""

    @initialize(
        events=st.integers(1, 5),
        size=st.sampled_from([32_768, 40_000, 80_000]),
        queue=st.integers(1, 12),
        give_up=st.sampled_from([0.0, 5.0, 1000.0]),
    )
    def start(self, events: int, size: int, queue: int, give_up: float) -> None:
        self.options = Options(
            write_key="shop-key",
            max_batch_events=events,
            max_batch_bytes=size,
            max_queue_events=queue,
            max_queue_bytes=150_000,
            give_up_after_s=give_up,
        )
        self.books = Books()
        self.box = Outbox(self.options, self.books, wake=lambda: None)
        self.now = 0.0
        self.number = 0
        self.out: Batch | None = None
        self.acked: list[bytes] = []
        self.flush_target = 0

    @rule(size=st.integers(10, 32_768))
    def track(self, size: int) -> None:
        self.number += 1
        self.books.enqueued += 1
        if not self.box.add(b"%010d" % self.number + b"x" * (size - 10)):
            self.books.dropped[Dropped.QUEUE_FULL] += 1

    @rule(seconds=st.floats(0, 40))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @precondition(lambda self: self.out is None and self.box.due_in(self.now) == 0)
    @rule()
    def take(self) -> None:
        self.out = self.box.take(self.now)
        assert 1 <= len(self.out.events) <= self.options.max_batch_events
        assert len(b",".join(self.out.events)) <= self.options.max_batch_bytes

    @precondition(lambda self: self.out is not None)
    @rule(data=st.data())
    def answer(self, data: st.DataObject) -> None:
        batch, self.out = self.out, None
        assert batch is not None
        count = len(batch.events)
        answers: list[Verdict] = [
            OK,
            Acked(Counter({"event_too_large": data.draw(st.integers(0, count))})),
            Rejected("unknown_write_key"),
            Retry("reset"),
            Retry("spool_full", wait_s=3.0),
        ]
        if count > 1:
            answers.append(Split())
        verdict = data.draw(st.sampled_from(answers))
        if verdict is OK:
            self.acked += batch.events
        self.box.settle(batch, verdict, self.now)

    @rule()
    def flush(self) -> None:
        self.flush_target = self.box.request_flush()

    @rule()
    def drain(self) -> None:
        self.box.drain()

    @rule()
    def abandon(self) -> None:
        self.out = None
        self.box.abandon(Dropped.NOT_SENT_IN_TIME)

    @invariant()
    def the_books_balance(self) -> None:
        if not hasattr(self, "box"):
            return
        stats = self.books.stats(self.box.pending)
        assert stats.balanced
        assert stats.pending >= 0
        assert stats.acked >= len(self.acked)
        assert (self.box.pending == 0) == (self.box.pending_bytes == 0)
        assert self.box.pending <= self.options.max_queue_events
        assert self.box.pending_bytes <= self.options.max_queue_bytes

    @invariant()
    def order_is_kept_and_nothing_is_acked_twice(self) -> None:
        if hasattr(self, "acked"):
            assert self.acked == sorted(set(self.acked))

    @invariant()
    def what_is_pending_is_out_or_due_some_time(self) -> None:
        if hasattr(self, "box") and self.out is None and self.box.pending:
            due_in = self.box.due_in(self.now)
            assert due_in is not None
            assert due_in <= 303 + self.options.backoff_cap_s


TestBooksBalance = BooksBalance.TestCase
TestBooksBalance.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
