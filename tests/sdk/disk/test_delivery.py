from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.sdk.disk.conftest import DAY_S, Clocks, MakeQueue, events_of
from trackway._books import Books, Dropped
from trackway._delivery.answers import Acked, Rejected, Retry, Split
from trackway._delivery.core import STOP, Delivery, Send, Wait
from trackway._delivery.ondisk import ADOPT_EVERY_S, OnDisk
from trackway._delivery.outbox import Read
from trackway._errors import DiskQueueError
from trackway._notices import Notices
from trackway._options import Options

OK = Acked(Counter())


class Driver:
    """Drives a delivery as a sender does, with a disk queue and a collector that answers what it is told."""

    def __init__(self, make_queue: MakeQueue, **settings: Any) -> None:
        self.options = Options(write_key="k", **{"queue": "disk", "max_batch_events": 2, **settings})
        self.books = Books()
        self.wakes = 0
        self.delivery = Delivery(self.options, self.books, wake=self._wake, dice=lambda: 0.0)
        self.outbox = self.delivery.outbox
        self.queue = make_queue()
        self.disk = self.outbox.disk = OnDisk(self.queue, self.options, self.books)
        self.now = 100.0

    def add(self, *events: bytes) -> list[bool]:
        taken = []
        for event in events:
            taken.append(self.outbox.add(event))
            self.books.enqueued += 1
            if not taken[-1]:
                self.books.dropped[self.outbox.refusal] += 1
        return taken

    def send(self, *verdicts: Any) -> list[bytes]:
        """Go on until there is nothing to do, with these verdicts in turn and then `OK`; return what was acked."""
        acked, left = [], list(verdicts)
        while True:
            match step := self.delivery.step(self.now):
                case Send(batch):
                    events, verdict = list(batch.events), left.pop(0) if left else OK
                    self.delivery.settle(batch, verdict, self.now)
                    if isinstance(verdict, Acked):
                        acked += [event for at, event in enumerate(events) if at not in verdict.retry]
                case Read():
                    self.delivery.loaded(self.delivery.read(step))
                case Wait(None):
                    return acked
                case Wait(for_s):
                    self.now += for_s or 0
                case _:
                    assert step is STOP
                    return acked
            assert self.balanced

    @property
    def balanced(self) -> bool:
        return self.books.stats(self.outbox.waiting).balanced

    def _wake(self) -> None:
        self.wakes += 1


def numbered(count: int, start: int = 0) -> list[bytes]:
    return [b'{"messageId":"%d"}' % number for number in range(start, start + count)]


def odd(event: bytes) -> bool:
    return int(event.split(b'"')[3]) % 2 == 1


def left_on_disk(make_queue: MakeQueue) -> list[bytes]:
    """What the next process finds."""
    heir = make_queue()
    heir.adopt()
    found = events_of(heir)
    heir.forget()
    return found


def test_memory_holds_a_window_and_the_rest_is_read_back_in_order(make_queue: MakeQueue) -> None:
    """However small the memory, a disk takes what it can hold, and all of it leaves in order."""
    driver = Driver(make_queue, max_queue_events=3)
    events = numbered(50)
    assert all(driver.add(*events))
    assert (driver.outbox.pending, driver.disk.backlog, driver.outbox.waiting) == (3, 47, 50)
    assert driver.send() == events
    assert (driver.books.acked, driver.outbox.waiting) == (50, 0)
    assert left_on_disk(make_queue) == []


def test_nothing_is_read_back_while_a_batch_waits_to_be_sent_again(make_queue: MakeQueue) -> None:
    """A collector that is away does not make memory fill up from the disk."""
    driver = Driver(make_queue, max_queue_events=4)
    driver.add(*numbered(10))
    step = driver.delivery.step(driver.now)
    assert isinstance(step, Send)
    driver.delivery.settle(step.batch, Retry("reset", wait_s=5.0), driver.now)
    assert isinstance(driver.delivery.step(driver.now), Wait)
    assert driver.outbox.pending == 4


def test_a_flush_includes_what_is_on_disk_only(make_queue: MakeQueue) -> None:
    """Its number is reached when all that was added before has left, and not before."""
    driver = Driver(make_queue, max_queue_events=2)
    driver.add(*numbered(7))
    target = driver.outbox.request_flush()
    driver.add(*numbered(3, start=7))
    seen = []
    while driver.outbox.settled < target:
        step = driver.delivery.step(driver.now)
        if isinstance(step, Send):
            seen += step.batch.events
            driver.delivery.settle(step.batch, OK, driver.now)
        elif isinstance(step, Read):
            driver.delivery.loaded(driver.delivery.read(step))
        else:
            pytest.fail(f"{step} before all was sent")
    assert seen[:7] == numbered(7)


@pytest.mark.parametrize(
    ("verdict", "left"),
    [
        (OK, []),
        (Rejected("blocked"), []),
        (Acked(Counter({"bad_event": 1})), []),
        (Acked(Counter(), retry=(1,)), [b'{"messageId":"1"}']),
        (Retry("reset", wait_s=9.0), numbered(2)),
        (Split(), numbered(2)),
    ],
)
def test_on_disk_is_what_has_no_final_answer(make_queue: MakeQueue, verdict: Any, left: list[bytes]) -> None:
    """A crash after this answer resends exactly what has to be sent again."""
    driver = Driver(make_queue)
    driver.add(*numbered(2))
    step = driver.delivery.step(driver.now)
    while not isinstance(step, Send):
        driver.delivery.loaded(driver.delivery.read(step)) if isinstance(step, Read) else None
        step = driver.delivery.step(driver.now)
    driver.delivery.settle(step.batch, verdict, driver.now)
    assert driver.balanced
    driver.queue.forget()
    assert left_on_disk(make_queue) == left


def test_at_the_end_what_is_left_is_kept_and_counted(make_queue: MakeQueue) -> None:
    """In memory, on its way, and on disk only; the next process adopts exactly these."""
    driver = Driver(make_queue, max_queue_events=4)
    driver.add(*numbered(9))
    assert isinstance(driver.delivery.step(driver.now), Send)
    driver.delivery.begin_close(driver.now, 0.0)
    assert driver.delivery.step(driver.now) is STOP
    assert driver.delivery.abandon(Dropped.NOT_SENT_IN_TIME) == 0
    driver.delivery.close_disk()
    stats = driver.books.stats(driver.outbox.waiting)
    assert (stats.kept, stats.pending, stats.dropped, stats.balanced) == (9, 0, 0, True)
    heir = Driver(make_queue)
    heir.add(b'{"messageId":"new"}')
    assert sorted(heir.send()) == sorted([*numbered(9), b'{"messageId":"new"}'])
    stats = heir.books.stats(heir.outbox.waiting)
    assert (stats.enqueued, stats.adopted, stats.acked, stats.balanced) == (1, 9, 10, True)


def test_closing_drains_the_own_backlog_and_then_what_others_left(make_queue: MakeQueue) -> None:
    """Its own events come first; a dead process's must not wait for a program that never ends so soon."""
    dead = Driver(make_queue)
    dead.add(*numbered(5, start=100))
    dead.queue.forget()
    driver = Driver(make_queue, max_queue_events=2)
    driver.add(*numbered(7))
    driver.delivery.begin_close(driver.now, 60.0)
    assert driver.send() == numbered(7) + numbered(5, start=100)
    assert driver.delivery.abandon(Dropped.NOT_SENT_IN_TIME) == 0
    driver.delivery.close_disk()
    assert left_on_disk(make_queue) == []


def test_closing_leaves_to_the_next_what_others_left_when_time_is_short(make_queue: MakeQueue) -> None:
    """Once its own events have taken a quarter of the time, a process ends; nothing of the dead one's is lost."""
    dead = Driver(make_queue)
    dead.add(*numbered(5, start=100))
    dead.queue.forget()
    driver = Driver(make_queue, max_queue_events=2)
    driver.add(*numbered(7))
    driver.delivery.begin_close(driver.now, 60.0)
    driver.now += 15.0
    assert driver.send() == numbered(7)
    assert driver.delivery.abandon(Dropped.NOT_SENT_IN_TIME) == 0
    driver.delivery.close_disk()
    assert left_on_disk(make_queue) == numbered(5, start=100)


def test_dead_processes_are_looked_for_at_the_first_event_and_then_every_half_minute(make_queue: MakeQueue) -> None:
    """As long as something is going on; a program that rests does not wake up for it."""
    driver = Driver(make_queue)
    driver.add(*numbered(1))
    step = driver.delivery.step(driver.now)
    assert isinstance(step, Read)
    assert step.adopt
    driver.delivery.loaded(driver.delivery.read(step))
    dead = Driver(make_queue)
    dead.add(*numbered(2, start=10))
    dead.queue.forget()
    assert driver.send() == numbered(1)
    assert isinstance(driver.delivery.step(driver.now + ADOPT_EVERY_S / 2), Wait)
    driver.now += ADOPT_EVERY_S
    driver.add(*numbered(1, start=1))
    assert sorted(driver.send()) == sorted([*numbered(1, start=1), *numbered(2, start=10)])


def test_spilling_writes_only_what_memory_has_no_room_for(make_queue: MakeQueue, tmp_path: Path) -> None:
    """While there is room the disk is not touched; order is kept, and at the end all goes there."""
    driver = Driver(make_queue, queue="memory", overflow="spill", max_queue_events=3)
    driver.add(*numbered(3))
    assert list(tmp_path.iterdir()) == []
    driver.add(*numbered(4, start=3))
    assert (driver.outbox.pending, driver.disk.backlog) == (3, 4)
    assert driver.send() == numbered(7)
    driver.add(*numbered(2, start=7))
    driver.delivery.begin_close(driver.now, 0.0)
    assert driver.delivery.abandon(Dropped.NOT_SENT_IN_TIME) == 0
    driver.delivery.close_disk()
    assert (driver.books.kept, driver.balanced) == (2, True)
    assert left_on_disk(make_queue) == numbered(2, start=7)


def test_a_disk_that_fails_makes_it_a_memory_queue(make_queue: MakeQueue, tmp_path: Path, clocks: Clocks) -> None:
    """Events stay in memory, are counted as not saved, delivered, and saved again once the disk is back."""
    driver = Driver(make_queue, max_queue_events=4)
    driver.add(*numbered(1))
    for path in tmp_path.iterdir():
        path.unlink()
    tmp_path.rmdir()
    tmp_path.write_text("a file where the directory was")
    driver.queue.sync()
    assert driver.add(*numbered(5, start=1)) == [True, True, True, False, False]
    assert (driver.books.unsaved, dict(driver.books.dropped)) == (3, {Dropped.QUEUE_FULL: 2})
    assert driver.send() == numbered(4)
    tmp_path.unlink()
    clocks.pass_s(2)
    driver.add(*numbered(2, start=6))
    assert driver.books.unsaved == 3
    driver.queue.forget()
    assert left_on_disk(make_queue) == numbered(2, start=6)


def test_a_full_disk_queue_says_so_when_memory_is_full_too(make_queue: MakeQueue) -> None:
    """`max_disk_bytes` is the reason that is counted."""
    driver = Driver(make_queue, max_queue_events=2, max_queue_bytes=1 << 20)
    driver.queue._max_bytes = 300_000
    event = b'{"x":"%b"}' % (b"x" * 20_000)
    taken = driver.add(*[event] * 30)
    assert 8 <= taken.count(True) < 20
    assert dict(driver.books.dropped) == {Dropped.DISK_FULL: taken.count(False)}
    assert driver.balanced


def test_events_on_disk_are_given_up_by_their_age_and_not_by_the_time_of_trying(
    make_queue: MakeQueue, clocks: Clocks
) -> None:
    """`give_up_after_s` is for memory; on disk it is `max_disk_age_s`, and what is over it is counted."""
    driver = Driver(make_queue, give_up_after_s=10.0)
    driver.add(*numbered(2))
    assert driver.send(*[Retry("reset", wait_s=300.0)] * 5) == numbered(2)
    driver.add(*numbered(2, start=2))
    clocks.pass_s(6 * DAY_S + 1)
    assert driver.send(Retry("reset")) == []
    assert dict(driver.books.dropped) == {Dropped.TOO_OLD: 2}
    assert left_on_disk(make_queue) == []


def test_what_comes_from_the_disk_after_the_end_stays_there(make_queue: MakeQueue) -> None:
    """A read that was under way when the deadline came changes nothing."""
    driver = Driver(make_queue, max_queue_events=1)
    driver.add(*numbered(3))
    assert driver.send(OK)[:1] == numbered(1)
    driver.add(*numbered(3, start=3))
    step = driver.delivery.step(driver.now)
    assert isinstance(step, Send)
    driver.delivery.settle(step.batch, OK, driver.now)
    step = driver.delivery.step(driver.now)
    assert isinstance(step, Read)
    chunk = driver.delivery.read(step)
    driver.delivery.begin_close(driver.now, 0.0)
    driver.delivery.abandon(Dropped.NOT_SENT_IN_TIME)
    driver.delivery.loaded(chunk)
    driver.delivery.close_disk()
    assert (driver.books.kept, driver.balanced) == (2, True)
    assert left_on_disk(make_queue) == numbered(2, start=4)


def test_a_purge_reaches_memory_disk_and_what_is_being_read(make_queue: MakeQueue) -> None:
    """Wherever an event of this person is, it is not sent, and it is counted once."""
    dead = Driver(make_queue)
    dead.add(*numbered(3))
    dead.queue.forget()
    driver = Driver(make_queue, max_queue_events=2)
    driver.add(*numbered(8, start=10))
    step = driver.delivery.step(driver.now)
    assert isinstance(step, Send)
    driver.delivery.settle(step.batch, OK, driver.now)
    step = driver.delivery.step(driver.now)
    assert isinstance(step, Read)
    chunk = driver.delivery.read(step)
    target = driver.outbox.request_flush()
    assert driver.outbox.purge(odd) == (4, 0)
    driver.delivery.loaded(chunk)
    assert driver.balanced
    assert driver.send() == [b'{"messageId":"%d"}' % number for number in (12, 14, 16, 0, 2)]
    assert dict(driver.books.dropped) == {Dropped.PURGED: 4}
    assert driver.outbox.settled >= target
    assert (driver.outbox.waiting, driver.balanced) == (0, True)
    driver.queue.forget()
    assert left_on_disk(make_queue) == []


def test_a_read_that_was_thrown_away_is_repeated(make_queue: MakeQueue) -> None:
    """A loop that ends while it reads has taken nothing away."""
    dead = Driver(make_queue)
    dead.add(*numbered(3))
    dead.queue.forget()
    driver = Driver(make_queue)
    driver.add(*numbered(1, start=10))
    step = driver.delivery.step(driver.now)
    assert isinstance(step, Read)
    assert driver.delivery.read(step) is not None
    assert sorted(driver.send()) == sorted([*numbered(3), *numbered(1, start=10)])
    assert driver.books.adopted == 3


def test_whoever_listens_for_errors_hears_of_a_disk_that_fails(make_queue: MakeQueue, tmp_path: Path) -> None:
    """Once, with the directory and what the system says."""
    heard: list[Exception] = []
    driver = Driver(make_queue)
    driver.books.notices = notices = Notices(None, heard.append)
    tmp_path.rmdir()
    tmp_path.write_text("a file where the directory was")
    driver.add(*numbered(5))
    notices.tell()
    (error,) = heard
    assert isinstance(error, DiskQueueError)
    assert error.directory == str(tmp_path)
    tmp_path.unlink()
    tmp_path.mkdir()
