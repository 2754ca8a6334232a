from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

import pytest

from tests.sdk.disk.conftest import DAY_S, Clocks, MakeQueue, events_of
from trackway._disk import QueueFull
from trackway._disk.layout import HEADER_BYTES, RECORD_BYTES, Header, pack_header, pack_record, parse
from trackway._disk.queue import SEGMENT_BYTES


def files(directory: Path, end: str = "") -> list[Path]:
    return sorted(path for path in directory.iterdir() if path.name.endswith(end))


def test_making_a_queue_touches_no_file(make_queue: MakeQueue, tmp_path: Path) -> None:
    """A program that tracks nothing leaves nothing behind."""
    make_queue().close()
    assert files(tmp_path) == []


def test_an_event_is_in_the_file_when_append_returns(make_queue: MakeQueue, tmp_path: Path) -> None:
    """What another process can read, the end of this one cannot take away."""
    queue = make_queue()
    assert queue.append(b'{"n":1}', held=True) is not None
    (segment,) = files(tmp_path, ".events")
    parsed = parse(segment.read_bytes()[HEADER_BYTES:], 10, 1000, to_the_end=True)
    assert [record.event for record in parsed.records] == [b'{"n":1}']


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_files_are_for_this_user_only(make_queue: MakeQueue, tmp_path: Path) -> None:
    """Events may be about people."""
    queue = make_queue()
    first, _ = queue.append(b"{1}", held=True), queue.append(b"{2}", held=True)
    assert first is not None
    queue.settle([first])
    assert {path.suffix for path in files(tmp_path)} == {".events", ".done", ".lock"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in files(tmp_path)} == {0o600}


def test_what_is_settled_is_not_sent_by_the_next_process(make_queue: MakeQueue) -> None:
    """In whatever order it was settled, and whether or not the files were synced."""
    queue = make_queue()
    tokens = [queue.append(b"{%d}" % number, held=True) for number in range(6)]
    queue.settle([token for number, token in enumerate(tokens) if number in (0, 3, 5) and token is not None])
    queue.forget()
    heir = make_queue()
    assert heir.adopt() == 1
    assert events_of(heir) == [b"{1}", b"{2}", b"{4}"]


def test_when_all_is_settled_the_file_is_emptied_and_at_the_end_deleted(make_queue: MakeQueue, tmp_path: Path) -> None:
    """Events do not lie about after they have been sent."""
    queue = make_queue()
    for event in (b"{1}", b"{2}"):
        token = queue.append(event, held=True)
        assert token is not None
        queue.settle([token])
        queue.sync()
        assert [path.stat().st_size for path in files(tmp_path, ".events")] == [HEADER_BYTES]
        assert [path.stat().st_size for path in files(tmp_path, ".done")] == [0]
    queue.append(b"{3}", held=True)
    queue.forget()
    heir = make_queue()
    heir.adopt()
    assert events_of(heir) == [b"{3}"]
    heir.settle(list(_tokens(heir)))
    queue = make_queue()
    token = queue.append(b"{4}", held=True)
    assert token is not None
    queue.settle([token])
    queue.close()
    heir.close()
    assert files(tmp_path) == []


def test_a_living_process_is_not_inherited_from(make_queue: MakeQueue) -> None:
    """Its lock says so. Two queues of one process are two processes here."""
    living, other = make_queue(), make_queue()
    living.append(b"{1}", held=True)
    assert other.adopt() == 0
    living.close()
    assert other.adopt() == 1
    assert events_of(other) == [b"{1}"]


def test_an_adopter_that_ends_in_the_middle_leaves_the_rest(make_queue: MakeQueue) -> None:
    """Killed or closed: what it settled stays settled, what it only read is read again by the next."""
    dead = make_queue()
    for number in range(10):
        dead.append(b"{%d}" % number, held=True)
    dead.forget()
    for end, left in (("forget", 7), ("close", 4), ("forget", 1)):
        heir = make_queue()
        assert heir.adopt() == 1
        chunk = heir.read(100, 1 << 20)
        assert chunk is not None
        heir.took(chunk)
        heir.settle([token for token, _ in chunk.events[:3]])
        getattr(heir, end)()
        last = make_queue()
        last.adopt()
        assert len(events_of(last)) == left
        last.forget()


def test_a_log_that_was_adopted_and_sent_is_deleted(make_queue: MakeQueue, tmp_path: Path) -> None:
    """All of its files, the lock last."""
    dead = make_queue()
    dead.append(b"{1}", held=True)
    dead.forget()
    heir = make_queue()
    heir.adopt()
    assert events_of(heir) == [b"{1}"]
    heir.settle(_tokens(heir))
    heir.sync()
    assert files(tmp_path) == []
    assert not heir.inherited


def test_events_beyond_memory_are_read_back_in_order(make_queue: MakeQueue) -> None:
    """From the first that memory had no room for, all are on disk only until they have been read."""
    queue = make_queue()
    assert queue.append(b"{0}", held=True) is not None
    assert queue.append(b"{1}", held=False) is None
    assert queue.append(b"{2}", held=True) is None
    assert queue.backlog == 2
    chunk = queue.read(1, 1 << 20)
    assert chunk is not None
    assert [event for _, event in chunk.events] == [b"{1}"]
    queue.append(b"{3}", held=True)
    queue.took(chunk)
    assert (events_of(queue), queue.backlog) == ([b"{2}", b"{3}"], 0)
    assert queue.append(b"{4}", held=True) is not None


def test_a_backlog_of_several_segments_is_read_through(make_queue: MakeQueue, tmp_path: Path) -> None:
    """And each segment is deleted when all of it is settled."""
    queue = make_queue(max_bytes=16 * 64 * 1024)
    event = b"x" * 10_000
    for _ in range(40):
        queue.append(event, held=False)
    assert len(files(tmp_path, ".events")) == 6
    found = []
    while (chunk := queue.read(7, 1 << 20)) is not None:
        queue.took(chunk)
        found += chunk.events
    assert [each for _, each in found] == [event] * 40
    queue.settle([token for token, _ in found[:35]])
    queue.sync()
    assert len(files(tmp_path, ".events")) == 1


def test_a_signal_handler_that_appends_in_between_loses_and_doubles_nothing(make_queue: MakeQueue) -> None:
    """Wherever the inner event lands, both are on disk only, and both are read once."""
    queue = make_queue()
    queue.append(b"{0}", held=True)
    queue._appending = True  # as if the handler ran inside `append`
    assert queue.append(b"{inner}", held=True) is None
    queue._appending = False
    assert queue.append(b"{outer}", held=True) is None
    assert events_of(queue) == [b"{inner}", b"{outer}"]


def test_the_limit_is_for_all_processes_together(make_queue: MakeQueue) -> None:
    """What does not fit is refused at once, and taken again when there is room."""
    clocks, limit = Clocks(), 1024 * 1024
    one = make_queue(max_bytes=limit, uptime=lambda: clocks.up_s)
    other = make_queue(max_bytes=limit, uptime=lambda: clocks.up_s)
    event = b"x" * 30_000
    taken: list[int | None] = []
    for _ in range(14):
        assert other.append(event, held=True) is not None
    with contextlib.suppress(QueueFull):
        while len(taken) < 50:
            taken.append(one.append(event, held=True))
    assert (14 + len(taken)) * (len(event) + RECORD_BYTES) <= limit
    assert 14 + len(taken) >= 25
    one.settle([token for token in taken if token is not None])
    one.sync()
    with pytest.raises(QueueFull, match="max_disk_bytes"):  # it is not measured again for each event
        one.append(event, held=True)
    clocks.pass_s(2)
    assert one.append(event, held=True) is not None


def test_events_that_waited_too_long_are_counted_and_not_read(
    make_queue: MakeQueue, clocks: Clocks, tmp_path: Path
) -> None:
    """Those of this process, and those of another one, after a restart of the machine, too."""
    queue = make_queue()
    queue.append(b"{old}", held=False)
    clocks.pass_s(5 * DAY_S)
    queue.append(b"{new}", held=False)
    clocks.pass_s(2 * DAY_S)
    chunk = queue.read(10, 1 << 20)
    assert chunk is not None
    assert (len(chunk.too_old), chunk.count) == (1, 1)
    queue.took(chunk)
    queue.forget()
    clocks.reboot()
    heir = make_queue(boot=clocks.boot)
    heir.adopt()
    assert events_of(heir) == [b"{new}"]
    heir.forget()
    clocks.pass_s(5 * DAY_S)
    last = make_queue(boot=clocks.boot)
    last.adopt()
    too_old = 0
    while (chunk := last.read(10, 1 << 20)) is not None:
        last.took(chunk)
        assert chunk.events == []
        too_old += len(chunk.too_old)
    assert too_old == 1
    last.sync()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("jump_s", [30 * DAY_S, -30 * DAY_S, 20 * 365 * DAY_S, -1_780_000_000.0])
def test_a_clock_that_jumps_makes_nothing_old(make_queue: MakeQueue, clocks: Clocks, jump_s: float) -> None:
    """Forward or back, in the life of a process, and for another of the same run of the machine."""
    queue = make_queue()
    queue.append(b"{1}", held=False)
    clocks.wall_s += jump_s
    queue.append(b"{2}", held=False)
    assert events_of(queue) == [b"{1}", b"{2}"]
    queue.forget()
    heir = make_queue()
    heir.adopt()
    assert events_of(heir) == [b"{1}", b"{2}"]


def test_a_clock_that_was_never_set_makes_nothing_old(make_queue: MakeQueue, clocks: Clocks) -> None:
    """Events of a machine that woke up in 1970 are read by its next run, which knows the time; and the other way."""
    now_s = clocks.wall_s
    for written_s, read_s in ((100.0, now_s), (now_s, 100.0), (now_s, now_s + 40 * 365 * DAY_S)):
        clocks.wall_s = written_s
        queue = make_queue(boot=clocks.boot)
        queue.append(b"{1}", held=False)
        queue.forget()
        clocks.reboot()
        clocks.wall_s = read_s
        heir = make_queue(boot=clocks.boot)
        heir.adopt()
        assert events_of(heir) == [b"{1}"]
        heir.settle(_tokens(heir))
        heir.close()


def test_a_jump_forward_after_the_start_does_not_age_what_an_earlier_run_left(
    make_queue: MakeQueue, clocks: Clocks
) -> None:
    """The clock is believed as it stood when the process began."""
    queue = make_queue()
    queue.append(b"{1}", held=False)
    queue.forget()
    clocks.reboot()
    heir = make_queue(boot=clocks.boot)
    clocks.wall_s += 8 * DAY_S
    heir.adopt()
    assert events_of(heir) == [b"{1}"]


def test_segments_hold_an_hour_at_most(make_queue: MakeQueue, clocks: Clocks, tmp_path: Path) -> None:
    """So the age of one is the age of all, within an hour."""
    queue = make_queue()
    token = queue.append(b"{1}", held=True)
    assert token is not None
    clocks.pass_s(3601)
    queue.append(b"{2}", held=True)
    assert len(files(tmp_path, ".events")) == 2
    clocks.pass_s(6 * DAY_S - 3601)
    assert not queue.expired(token)
    clocks.pass_s(2)
    assert queue.expired(token)


@pytest.mark.parametrize("damage", ["torn", "flipped", "zeros", "headless", "empty", "foreign"])
def test_damaged_files_are_stepped_over_and_counted(
    make_queue: MakeQueue, tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    """What can be read is read, the rest is counted and logged, and the files are gone in the end."""
    queue = make_queue()
    for number in range(3):
        queue.append(b'{"n":%d}' % number, held=True)
    queue.forget()
    (segment,) = files(tmp_path, ".events")
    data = segment.read_bytes()
    second = data.index(b'{"n":1}')
    broken, expected = {
        "torn": (data[:-3], b"01"),
        "flipped": (data[:second] + b"[" + data[second + 1 :], b"02"),
        "zeros": (data[: second + 7] + bytes(5000), b"01"),
        "headless": (b"\xff" * HEADER_BYTES + data[HEADER_BYTES:], b"012"),
        "empty": (b"", b""),
        "foreign": (b"<html>" * 40_000, b""),
    }[damage]
    segment.write_bytes(broken)
    heir = make_queue()
    heir.adopt()
    found, damaged = [], 0
    while (chunk := heir.read(10, 1 << 20)) is not None:
        heir.took(chunk)
        found += chunk.events
        damaged += chunk.damaged
    assert [event for _, event in found] == [b'{"n":%c}' % digit for digit in expected]
    assert damaged == (damage != "empty")
    assert ("damaged" in caplog.text) == (damage != "empty")
    heir.settle([token for token, _ in found])
    heir.close()
    assert files(tmp_path) == []


def test_what_a_newer_version_wrote_is_left_for_it(
    make_queue: MakeQueue, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is said once, not at each look, and all else is adopted."""
    queue = make_queue()
    queue.append(b"{1}", held=True)
    queue.forget()
    header = pack_header(Header(b"0" * 16, 0, 0))
    newer = tmp_path / "20260519T083000-1-00.00000001.events"
    newer.write_bytes(header.replace(b"TWQ1", b"TWQ2") + b"whatever it will be")
    heir = make_queue()
    for _ in range(3):
        heir.adopt()
        found = events_of(heir)
        heir.settle(_tokens(heir))
        heir.sync()
    assert found == []
    assert [path.name for path in files(tmp_path, ".events")] == [newer.name]
    assert caplog.text.count("a newer version") == 1


def test_what_is_not_ours_is_not_touched(make_queue: MakeQueue, tmp_path: Path) -> None:
    """Notes, directories, and links somebody laid for us to follow."""
    (tmp_path / "README").write_text("do not delete")
    (tmp_path / "backup.00000001.events").mkdir()
    outside = tmp_path.parent / "outside"
    outside.write_text("mine")
    (tmp_path / "20260519T083000-1-00.lock").symlink_to(outside)
    heir = make_queue()
    heir.adopt()
    assert events_of(heir) == []
    heir.append(b"{1}", held=True)
    heir.close()
    assert (tmp_path / "README").read_text() == "do not delete"
    assert outside.read_text() == "mine"
    assert (tmp_path / "backup.00000001.events").is_dir()


def test_locks_and_lists_without_a_log_are_cleared_away(make_queue: MakeQueue, tmp_path: Path) -> None:
    """A process may be killed between any two deletions."""
    (tmp_path / "20260519T083000-1-00.lock").touch()
    (tmp_path / "20260519T083000-1-01.00000007.done").touch()
    assert make_queue().adopt() == 0
    assert files(tmp_path) == []


def test_a_directory_that_is_deleted_in_use_is_made_again(
    make_queue: MakeQueue, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What was in it only is lost and counted; what is appended next is on disk again."""
    queue = make_queue()
    held = queue.append(b"{1}", held=True)
    queue.append(b"{2}", held=False)
    assert held is not None
    for path in files(tmp_path):
        path.unlink()
    tmp_path.rmdir()
    queue.sync()
    assert not queue.safe(held)
    assert "Somebody deleted" in caplog.text
    queue.append(b"{3}", held=False)
    chunks = []
    while (chunk := queue.read(10, 1 << 20)) is not None:
        queue.took(chunk)
        chunks.append(chunk)
    assert [event for chunk in chunks for _, event in chunk.events] == [b"{3}"]
    assert (sum(chunk.damaged for chunk in chunks), queue.backlog) == (1, 0)
    queue.settle([held])
    queue.forget()
    heir = make_queue()
    heir.adopt()
    assert events_of(heir) == [b"{3}"]


def test_what_is_purged_is_gone_from_the_files(make_queue: MakeQueue, tmp_path: Path) -> None:
    """Sent or not, in memory or not, this process's or a dead one's; counted is what only the disk had."""
    dead = make_queue()
    for name in (b"ana", b"ben", b"ana"):
        dead.append(b'{"userId":"%b"}' % name, held=True)
    dead.forget()
    queue = make_queue()
    tokens = [queue.append(b'{"userId":"%b"}' % name, held=True) for name in (b"ana", b"ben")]
    for name in (b"ana", b"ben", b"ana", b"eva"):
        queue.append(b'{"userId":"%b"}' % name, held=False)
    queue.settle([token for token in tokens[:1] if token is not None])
    taken_out = queue.rewrite(lambda event: b"ana" not in event)
    assert (taken_out.backlog, taken_out.inherited, len(taken_out.events), queue.backlog) == (2, 2, 5, 2)
    assert b"ana" not in b"".join(path.read_bytes() for path in files(tmp_path))
    assert events_of(queue) == [b'{"userId":"ben"}', b'{"userId":"eva"}', b'{"userId":"ben"}']
    assert queue.rewrite(lambda event: b"ana" not in event).events == []
    queue.forget()
    heir = make_queue()
    heir.adopt()
    assert sorted(events_of(heir)) == [b'{"userId":"ben"}'] * 3 + [b'{"userId":"eva"}']


def test_a_purge_does_not_touch_what_a_newer_version_wrote(make_queue: MakeQueue, tmp_path: Path) -> None:
    """What would be a record to us may be something else there."""
    header = pack_header(Header(b"0" * 16, 0, 0)).replace(b"TWQ1", b"TWQ2")
    newer = tmp_path / "20260519T083000-1-00.00000001.events"
    newer.write_bytes(header + pack_record(b"{}", 0, 0))
    before = newer.read_bytes()
    make_queue().rewrite(lambda event: False)
    assert newer.read_bytes() == before


def test_segments_are_small_enough_for_small_limits() -> None:
    """A segment that waits for one event keeps no large part of the room."""
    assert SEGMENT_BYTES <= 1024 * 1024 * 1024 // 64


def _tokens(queue: object) -> list[int]:
    """Return the tokens of all that was read and is outstanding; tests may look where programs may not."""
    return [
        key << 32 | number
        for key, segment in queue._segments.items()  # type: ignore[attr-defined]
        for number in range(segment.outstanding)
    ]
