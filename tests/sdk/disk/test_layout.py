from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackway._disk.layout import (
    LARGEST_EVENT,
    RECORD_BYTES,
    Header,
    log_of,
    pack_done,
    pack_header,
    pack_record,
    parse,
    parse_done,
    unpack_header,
)

ALL = (1 << 30, 1 << 30)
json_events = st.dictionaries(st.text(max_size=8), st.text(max_size=40), max_size=4).map(
    lambda fields: json.dumps(fields, ensure_ascii=False).encode()
)


def segment(events: list[bytes]) -> bytes:
    return b"".join(pack_record(event, number, number * 10) for number, event in enumerate(events))


@given(st.lists(json_events, max_size=8), st.integers(1, 9), st.integers(1, 200))
def test_what_was_packed_is_parsed_in_pieces_of_any_size(events: list[bytes], count: int, size: int) -> None:
    """Whatever limits a reader sets, going on where it stopped brings every event once, in order."""
    data, at, found = segment(events), 0, []
    while at < len(data):
        parsed = parse(data[at:], count, size, to_the_end=True)
        assert parsed.damaged == 0
        assert 1 <= len(parsed.records) <= count
        found += [record.event for record in parsed.records]
        at += parsed.consumed
    assert found == events


@given(st.lists(json_events, min_size=1, max_size=6), st.data())
def test_a_torn_tail_takes_the_torn_event_only(events: list[bytes], data: st.DataObject) -> None:
    """A file that ends in mid-record holds all records before it, and one damaged place."""
    whole = segment(events)
    cut = data.draw(st.integers(0, len(whole)))
    ends = [sum(RECORD_BYTES + len(event) for event in events[: count + 1]) for count in range(len(events))]
    parsed = parse(whole[:cut], *ALL, to_the_end=True)
    assert [record.event for record in parsed.records] == [
        event for event, end in zip(events, ends, strict=True) if end <= cut
    ]
    assert parsed.consumed == cut
    assert parsed.damaged == (cut not in [0, *ends])


@given(st.lists(json_events, min_size=1, max_size=6), st.data())
def test_damage_takes_only_the_events_it_hits(events: list[bytes], data: st.DataObject) -> None:
    """Flipped bits, zeros or foreign bytes anywhere: every record that they do not touch is read, nothing else is."""
    whole = segment(events)
    start = data.draw(st.integers(0, len(whole) - 1))
    damage = data.draw(st.binary(min_size=1, max_size=60) | st.integers(1, 60).map(bytes))
    broken = whole[:start] + damage + whole[start + len(damage) :]
    parsed = parse(broken, *ALL, to_the_end=True)
    touched = [at for at, (old, new) in enumerate(zip(whole, broken, strict=False)) if old != new]
    touched += range(len(whole), len(broken))
    expected, at = [], 0
    for event in events:
        end = at + RECORD_BYTES + len(event)
        if not any(at <= place < end for place in touched):
            expected.append(event)
        at = end
    assert [record.event for record in parsed.records] == expected
    assert parsed.consumed == len(broken)
    assert (parsed.damaged > 0) == bool(touched)


@given(st.binary(max_size=4000), st.booleans())
def test_no_bytes_at_all_make_the_parser_fail_or_stand_still(data: bytes, to_the_end: bool) -> None:
    """A file full of anything is stepped over to its end."""
    parsed = parse(data, *ALL, to_the_end=to_the_end)
    assert 0 <= parsed.consumed <= len(data)
    assert not to_the_end or parsed.consumed == len(data)


def test_a_long_stretch_of_zeros_is_stepped_over() -> None:
    """File systems leave zeros after a power loss; what comes behind them is found."""
    data = pack_record(b"{1}", 0, 0) + bytes(200_000) + pack_record(b"{2}", 1, 0)
    parsed = parse(data, *ALL, to_the_end=True)
    assert ([record.event for record in parsed.records], parsed.damaged) == ([b"{1}", b"{2}"], 1)


def test_a_record_that_may_go_on_is_left_for_the_next_read() -> None:
    """Only at the end of a file is a record that is cut off damage."""
    data = pack_record(b"x" * 1000, 0, 0)
    parsed = parse(data[:500], *ALL, to_the_end=False)
    assert (parsed.records, parsed.consumed, parsed.damaged) == ([], 0, 0)


def test_a_length_beyond_any_event_is_damage() -> None:
    """A flipped bit in a length must not make the reader wait for four gigabytes."""
    record = bytearray(pack_record(b"{}", 0, 0))
    record[11] = 0xFF
    parsed = parse(bytes(record) + bytes(LARGEST_EVENT * 2), *ALL, to_the_end=False)
    assert (parsed.records, parsed.damaged) == ([], 1)
    assert parsed.consumed > LARGEST_EVENT


@given(st.binary(min_size=16, max_size=16), st.integers(0, (1 << 64) - 1), st.integers(0, (1 << 64) - 1))
def test_a_header_tells_when_it_was_written_or_nothing(boot: bytes, uptime_ms: int, wall_ms: int) -> None:
    """With one bit flipped it is not believed."""
    header = Header(boot, uptime_ms, wall_ms)
    data = pack_header(header)
    assert unpack_header(data) == header
    for bit in (3, 40, 100, len(data) * 8 - 1):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        assert unpack_header(bytes(flipped)) is None


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)).map(sorted), max_size=8), st.data())
def test_what_is_done_is_known_from_whole_entries_only(ranges: list[list[int]], data: st.DataObject) -> None:
    """An entry that was cut off or is full of zeros says nothing; those around it still do."""
    entries = [pack_done(first, last) for first, last in ranges]
    expected = {number for first, last in ranges for number in range(first, last + 1)}
    whole = b"".join(entries)
    assert parse_done(whole) == expected
    assert parse_done(whole + pack_done(60, 70)[: data.draw(st.integers(0, 11))]) == expected
    assert parse_done(bytes(12) + whole + bytes(7)) == expected
    assert parse_done(whole + b"torn" + pack_done(99, 99)) == expected | {99}


@pytest.mark.parametrize(
    ("name", "log"),
    [
        ("20260519T083000-17-0a0b.00000001.events", "20260519T083000-17-0a0b"),
        ("20260519T083000-17-0a0b.00000001.done", "20260519T083000-17-0a0b"),
        ("20260519T083000-17-0a0b.lock", "20260519T083000-17-0a0b"),
        ("README", None),
        ("notes.events", None),
        (".lock", None),
        ("a b.lock", None),
        ("x.00000001.events.bak", None),
    ],
)
def test_foreign_files_are_told_by_their_names(name: str, log: str | None) -> None:
    """What somebody put into the directory is left alone."""
    assert log_of(name) == log
