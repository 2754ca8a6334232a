"""The core that thread, caller and task share, driven by a model of all three: no clock, no network, no thread."""

from __future__ import annotations

from collections import Counter

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from trackway._books import Books, Dropped
from trackway._delivery.answers import Acked, Rejected, Retry, Split, Verdict
from trackway._delivery.core import STOP, Delivery, Send, Wait
from trackway._delivery.outbox import Batch
from trackway._options import Options

OK = Acked(Counter())
LONGEST_PAUSE_S = 330.0
"""The collector's Retry-After, at most 300 s, and the longest pause of our own."""


class DeliveryKeepsItsWord(RuleBasedStateMachine):
    """
    Events, steps, answers of every kind and none, time, flushes, closing, taking over and giving up, in any order.

    Whatever happens: the books balance, the order of calls is the order on the wire, what is acked is not sent again,
    no batch is over the limits, nothing waits for nothing, and a collector that answers gets everything.
    """

    @initialize(
        events=st.integers(1, 5),
        size=st.sampled_from([32_768, 40_000, 80_000]),
        queue=st.integers(1, 12),
        give_up=st.sampled_from([0.0, 5.0, 100_000.0]),
        interval=st.sampled_from([0.0, 0.5, 60.0]),
        dice=st.floats(0, 1, exclude_max=True),
    )
    def start(self, events: int, size: int, queue: int, give_up: float, interval: float, dice: float) -> None:
        self.options = Options(
            write_key="shop-key",
            max_batch_events=events,
            max_batch_bytes=size,
            max_queue_events=queue,
            max_queue_bytes=150_000,
            give_up_after_s=give_up,
            flush_interval_s=interval,
        )
        self.books = Books()
        self.woken = False
        self.delivery = Delivery(self.options, self.books, wake=self._ring, dice=lambda: dice)
        self.now = 0.0
        self.number = 0
        self.out: Batch | None = None
        self.sleeping_until: float | None = 0.0
        self.left: set[bytes] = set()
        self.flushes: list[tuple[int, int]] = []
        self.closed = self.abandoned = False

    def _oldest(self) -> int:
        """Return the number of the oldest event that has not left."""
        gone = {int(event[:10]) for event in self.left}
        return next(number for number in range(1, self.number + 1) if number not in gone)

    def _ring(self) -> None:
        self.woken = True

    @rule(size=st.integers(10, 32_768))
    def track(self, size: int) -> None:
        """A call, as `Capture` makes it."""
        self.books.enqueued += 1
        if self.closed:
            self.books.dropped[Dropped.CLOSED] += 1
            return
        self.number += 1
        if not self.delivery.outbox.add(b"%010d" % self.number + b"x" * (size - 10)):
            self.number -= 1
            self.books.dropped[Dropped.QUEUE_FULL] += 1

    @rule(seconds=st.floats(0, 40))
    def time_passes(self, seconds: float) -> None:
        """The wall does not matter, the monotonic clock does."""
        self.now += seconds

    @precondition(lambda self: self.out is None and not self.abandoned)
    @rule()
    def step(self) -> None:
        """What a driver does when it wakes."""
        self.woken = False
        step = self.delivery.step(self.now)
        match step:
            case Send(batch):
                self.out = batch
                if not batch.events:
                    assert self.closed, "a report of losses travels alone only at the end"
                    assert self.delivery.outbox.pending == 0
                    assert batch.losses is not None
                    return
                assert 1 <= len(batch.events) <= self.options.max_batch_events
                assert len(b",".join(batch.events)) <= self.options.max_batch_bytes
                assert not set(batch.events) & self.left, "an event is sent after its answer"
                assert batch.events == sorted(batch.events)
                assert int(batch.events[0][:10]) == self._oldest(), "an event was overtaken"
                self.sleeping_until = self.now
            case Wait(for_s):
                assert for_s is None or for_s > 0, "a busy loop"
                assert for_s is None or for_s <= LONGEST_PAUSE_S
                # Nobody sleeps for ever on top of events.
                assert (for_s is None) == (self.delivery.outbox.pending == 0)
                self.sleeping_until = None if for_s is None else self.now + for_s
            case _:
                assert step is STOP
                self.sleeping_until = self.now
                assert self.closed

    @precondition(lambda self: self.out is not None)
    @rule(data=st.data())
    def answer(self, data: st.DataObject) -> None:
        """The collector's word, or none: the connection broke."""
        batch, self.out = self.out, None
        assert batch is not None
        count = len(batch.events)
        verdicts: list[Verdict] = [
            OK,
            Acked(Counter({"event_too_large": data.draw(st.integers(0, count))})),
            Acked(retry=tuple(data.draw(st.sets(st.integers(0, max(count - 1, 0)), max_size=count)))),
            Rejected("unknown_write_key"),
            Retry("NewConnectionError"),
            Retry("spool_full", wait_s=data.draw(st.sampled_from([0.0, 3.0, 300.0]))),
        ]
        if count > 1:
            verdicts.append(Split())
        verdict = data.draw(st.sampled_from(verdicts))
        self._settle(batch, verdict)

    def _settle(self, batch: Batch, verdict: Verdict) -> None:
        pending, acked = self.delivery.outbox.pending, self.books.acked
        events = list(batch.events)
        self.delivery.settle(batch, verdict, self.now)
        retry = verdict.retry if isinstance(verdict, Acked) else ()
        if self.delivery.outbox.pending < pending:
            # What the collector wants again leaves with its next answer, or is given up with this one.
            again = self.delivery.outbox.pending - (pending - len(events))
            assert again in (0, len(retry))
            self.left |= {event for place, event in enumerate(events) if not again or place not in retry}
        if isinstance(verdict, Acked):
            assert self.books.acked == acked + len(events) - verdict.rejected.total() - len(retry)

    @precondition(lambda self: self.out is not None)
    @rule()
    def break_off(self) -> None:
        """A loop ends, a signal comes in between: the request is broken off, somebody else takes it up."""
        late, self.out = self.out, None
        assert late is not None
        self.delivery.outbox.put_back()
        assert self.abandoned or not self.delivery.outbox.is_out

    @rule()
    def flush(self) -> None:
        """A flush waits for what was added before it, and for nothing that comes later."""
        self.flushes.append((self.delivery.outbox.request_flush(), self.number))

    @rule(timeout_s=st.sampled_from([0.0, 2.0, 1000.0]))
    def close(self, timeout_s: float) -> None:
        """Everything is due; the first deadline counts."""
        deadline = self.delivery.deadline
        self.delivery.begin_close(self.now, timeout_s)
        assert self.delivery.deadline == (self.now + timeout_s if deadline is None else deadline)
        self.closed = True

    @precondition(lambda self: self.closed)
    @rule()
    def abandon(self) -> None:
        """The deadline is over: a batch that is out is dropped with the rest, and its answer comes too late."""
        pending = self.delivery.outbox.pending
        lost = self.delivery.abandon(Dropped.NOT_SENT_IN_TIME)
        assert lost == (None if self.abandoned else pending)
        self.abandoned = True
        if self.out is not None:
            books = self.books.stats(0)
            self.delivery.settle(self.out, OK, self.now)
            assert self.books.stats(0) == books
            self.out = None

    @invariant()
    def the_books_balance(self) -> None:
        if not hasattr(self, "delivery"):
            return
        outbox = self.delivery.outbox
        stats = self.books.stats(outbox.pending)
        assert stats.balanced
        assert 0 <= stats.pending <= self.options.max_queue_events
        assert 0 <= outbox.pending_bytes <= self.options.max_queue_bytes
        assert (outbox.pending == 0) == (outbox.pending_bytes == 0)
        assert len(self.left) + outbox.pending == self.number or self.abandoned
        if not self.abandoned:
            assert outbox.settled == (self._oldest() - 1 if outbox.pending else self.number)

    @invariant()
    def a_flush_is_over_when_all_before_it_has_left(self) -> None:
        for target, number in getattr(self, "flushes", ()):
            assert target == number
            if not self.abandoned:
                over = not self.delivery.outbox.pending or self._oldest() > number
                assert (self.delivery.outbox.settled >= target) == over

    @invariant()
    def who_sleeps_is_woken_for_what_is_due_earlier(self) -> None:
        if not hasattr(self, "delivery") or self.out is not None or self.abandoned:
            return
        due_in = self.delivery.outbox.due_in(self.now)
        if due_in is not None and self.sleeping_until is None:
            assert self.woken

    def teardown(self) -> None:
        """A collector that answers from now on gets all that is left, in a bounded number of steps."""
        if not hasattr(self, "delivery") or self.abandoned:
            return
        if self.out is not None:
            self._settle(self.out, OK)
        pending = self.delivery.outbox.pending
        batches = 0
        for _ in range(4 * pending + 8):
            step = self.delivery.step(self.now)
            match step:
                case Send(batch):
                    batches += 1
                    self._settle(batch, OK)
                case Wait(None):
                    break
                case Wait(float() as for_s):
                    self.now += for_s * (1 + 1e-9) + 1e-9
                case _:
                    break
        assert batches <= pending + 1
        if self.delivery.deadline is None or self.now < self.delivery.deadline:
            assert self.delivery.outbox.pending == 0 or step is STOP
        if not self.closed:
            assert self.delivery.outbox.pending == 0
        assert self.books.stats(self.delivery.outbox.pending).balanced


TestDeliveryKeepsItsWord = DeliveryKeepsItsWord.TestCase
TestDeliveryKeepsItsWord.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
