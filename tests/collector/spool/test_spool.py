"""The spool's promises, on a real file system."""

from __future__ import annotations

import asyncio
import errno
from pathlib import Path
from typing import IO

import pytest

from trackway_collector.errors import SpoolCorrupt, SpoolFull, SpoolLocked, SpoolUnavailable
from trackway_collector.spool import (
    Checkpoint,
    Chunk,
    Record,
    SpoolReader,
    SpoolWriter,
    layout,
    load_checkpoint,
    save_checkpoint,
)
from trackway_collector.spool import reader as reader_module
from trackway_collector.spool import writer as writer_module
from trackway_collector.spool.layout import segment_numbers, segment_path
from trackway_collector.spool.record import decode_record, encode_record

META = encode_record(Record("web", 1_000_000, 2, "ok"))


async def write(directory: Path, bodies: list[bytes], **options: int) -> None:
    """Append each body as a record of two events, one commit each, and close."""
    writer = SpoolWriter(directory, **options)
    writer.start()
    for body in bodies:
        await writer.append(META, body, 2)
    await writer.close()


def read_all(directory: Path) -> list[Chunk]:
    """Read every chunk from the beginning."""
    reader, chunks = SpoolReader(directory), []
    segment = byte = 0
    while (chunk := reader.read(segment, byte, max_events=1)) is not None:
        chunks.append(chunk)
        segment, byte = chunk.segment, chunk.to_byte
    return chunks


def bodies_of(chunks: list[Chunk]) -> list[bytes]:
    """Return the bodies in the order they were accepted."""
    return [body for chunk in chunks for block in chunk.blocks for _, body in block.records()]


async def test_what_was_appended_is_read_back_in_order(tmp_path: Path) -> None:
    """Bodies come back as they were, each with its record, in the order of their acknowledgement."""
    bodies = [b"first", b"", "zweite: 漢字".encode(), b"x" * 100_000]

    await write(tmp_path / "w0", bodies)

    chunks = read_all(tmp_path / "w0")
    assert bodies == bodies_of(chunks)
    assert [0, 2, 4, 6] == [chunk.first_offset for chunk in chunks]
    assert [2, 4, 6, 8] == [chunk.last_offset for chunk in chunks]


async def test_appends_that_wait_share_one_commit(tmp_path: Path) -> None:
    """Requests that arrive while an fsync runs are committed together by the next one."""
    writer = SpoolWriter(tmp_path / "w0")
    writer.start()

    await asyncio.gather(*(writer.append(META, b"%d" % n, 2) for n in range(200)))
    await writer.close()

    assert 200 == writer.stats.events / 2
    assert writer.stats.commits < 200
    assert [b"%d" % n for n in range(200)] == bodies_of(read_all(tmp_path / "w0"))


async def test_a_restart_opens_a_new_segment(tmp_path: Path) -> None:
    """A writer never appends to a segment that it did not create."""
    await write(tmp_path / "w0", [b"a"])
    await write(tmp_path / "w0", [b"b"])

    assert [1, 2] == segment_numbers(tmp_path / "w0")
    assert [b"a", b"b"] == bodies_of(read_all(tmp_path / "w0"))


async def test_the_spool_keeps_its_name(tmp_path: Path) -> None:
    """Rows carry the spool's name, so it stays the same over restarts and differs between directories."""
    names = []
    for directory in ("w0", "w0", "w1"):
        spool = SpoolWriter(tmp_path / directory)
        names.append(spool.name)
        spool._lock.close()

    assert names[0] == names[1] != names[2]


async def test_segments_end_at_their_size(tmp_path: Path) -> None:
    """A segment that has grown past its size is closed and the next commit opens another."""
    await write(tmp_path / "w0", [bytes(range(256)) * 8] * 5, segment_bytes=300)

    assert len(segment_numbers(tmp_path / "w0")) > 1
    assert 5 == len(bodies_of(read_all(tmp_path / "w0")))


@pytest.mark.parametrize("cut", [1, 20, 36, 40])
async def test_a_torn_block_at_the_end_was_never_acknowledged(tmp_path: Path, cut: int) -> None:
    """A tail cut off anywhere is passed over once a newer segment exists, and nothing before it is lost."""
    await write(tmp_path / "w0", [b"kept", b"torn" * 30])
    path = segment_path(tmp_path / "w0", 1)
    path.write_bytes(path.read_bytes()[:-cut])
    assert [b"kept"] == bodies_of(read_all(tmp_path / "w0"))

    await write(tmp_path / "w0", [b"next"])

    assert [b"kept", b"next"] == bodies_of(read_all(tmp_path / "w0"))


async def test_a_flipped_bit_costs_its_block_and_is_reported(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A block that no longer matches its checksum is skipped with an error in the log; those behind it are read."""
    await write(tmp_path / "w0", [b"one" * 20, b"two" * 20, b"three" * 20])
    path = segment_path(tmp_path / "w0", 1)
    data = bytearray(path.read_bytes())
    second = read_all(tmp_path / "w0")[1]
    data[second.from_byte + 50] ^= 1
    path.write_bytes(data)

    chunks = read_all(tmp_path / "w0")

    assert [b"one" * 20, b"three" * 20] == bodies_of(chunks)
    assert "do not match their checksum" in caplog.text


async def test_only_one_process_writes(tmp_path: Path) -> None:
    """A second writer on the same directory is refused with a message that says what to do."""
    writer = SpoolWriter(tmp_path / "w0")

    with pytest.raises(SpoolLocked, match="already writes this spool") as refused:
        SpoolWriter(tmp_path / "w0")

    assert "--data-dir" in str(refused.value)
    writer._lock.close()


async def test_a_full_backlog_refuses_and_recovers(tmp_path: Path) -> None:
    """Past its limit the spool refuses; when the loader has passed what is there, it takes events again."""
    writer = SpoolWriter(tmp_path / "w0", max_backlog_bytes=200)
    writer.start()
    await writer.append(META, bytes(range(256)), 2)
    assert not writer.accepting

    with pytest.raises(SpoolFull):
        writer.append(META, b"more", 2)
    chunk = read_all(tmp_path / "w0")[-1]
    save_checkpoint(tmp_path / "w0", Checkpoint(chunk.segment, chunk.to_byte))
    writer.refresh_backlog()

    assert writer.accepting
    await writer.append(META, b"more", 2)
    await writer.close()


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC])
async def test_a_failed_fsync_ends_the_segment_and_acknowledges_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """After a refused fsync the append fails, the segment is closed, and the next append goes to a new one."""
    writer = SpoolWriter(tmp_path / "w0")
    writer.start()
    await writer.append(META, b"before", 2)
    working = layout.sync_data

    def refuse(descriptor: int) -> None:
        raise OSError(code, "the disk says no")

    monkeypatch.setattr(writer_module, "sync_data", refuse)
    with pytest.raises(SpoolUnavailable):
        await writer.append(META, b"refused", 2)
    assert not writer.accepting
    monkeypatch.setattr(writer_module, "sync_data", working)
    await writer.probe()

    assert writer.accepting
    await writer.append(META, b"after", 2)
    await writer.close()
    assert [1, 2] == segment_numbers(tmp_path / "w0")
    bodies = bodies_of(read_all(tmp_path / "w0"))
    assert bodies[0] == b"before"
    assert bodies[-1] == b"after"


async def test_close_commits_what_was_appended(tmp_path: Path) -> None:
    """Closing waits for the appends it was given and refuses new ones."""
    writer = SpoolWriter(tmp_path / "w0")
    writer.start()
    waiting = [writer.append(META, b"%d" % n, 2) for n in range(50)]

    await writer.close()

    await asyncio.gather(*waiting)
    assert 50 == len(bodies_of(read_all(tmp_path / "w0")))
    with pytest.raises(SpoolUnavailable):
        writer.append(META, b"late", 2)


def test_a_checkpoint_survives_as_it_was(tmp_path: Path) -> None:
    """A new spool stands before its first segment; a saved checkpoint is read back; a damaged one asks for a person."""
    assert Checkpoint() == load_checkpoint(tmp_path)
    save_checkpoint(tmp_path, Checkpoint(3, 700))

    assert Checkpoint(3, 700) == load_checkpoint(tmp_path)

    (tmp_path / "checkpoint.json").write_text("{")
    with pytest.raises(SpoolCorrupt, match="Delete the file"):
        load_checkpoint(tmp_path)


async def test_a_segment_number_is_never_used_twice(tmp_path: Path) -> None:
    """Even when every segment is loaded and deleted, the next one gets a number of its own."""
    await write(tmp_path / "w0", [b"a"])
    save_checkpoint(tmp_path / "w0", Checkpoint(1, 99))
    segment_path(tmp_path / "w0", 1).unlink()

    await write(tmp_path / "w0", [b"b"])

    assert [2] == segment_numbers(tmp_path / "w0")


async def test_a_block_that_is_being_written_is_not_corrupt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader that comes in mid-write, and finds the next block there a moment later, skips nothing."""
    await write(tmp_path / "w0", [b"one" * 20, b"two" * 20, b"three" * 20])
    path = segment_path(tmp_path / "w0", 1)
    whole = path.read_bytes()
    second = read_all(tmp_path / "w0")[1]
    path.write_bytes(whole[: second.from_byte + 40])
    looking = reader_module._find_block

    def find_block(file: IO[bytes], start: int) -> int | None:
        path.write_bytes(whole)  # the writer goes on meanwhile
        return looking(file, start)

    monkeypatch.setattr(reader_module, "_find_block", find_block)
    reader = SpoolReader(tmp_path / "w0")

    chunk = reader.read(1, second.from_byte, max_events=100)

    assert chunk is not None
    assert [b"two" * 20, b"three" * 20] == bodies_of([chunk])
    assert reader.corrupt_bytes == 0


async def test_a_chunk_ends_at_its_bytes_too(tmp_path: Path) -> None:
    """Large events fill a chunk by their bytes before they fill it by their number."""
    await write(tmp_path / "w0", [bytes([n]) * 1_000 for n in range(10)])

    chunk = SpoolReader(tmp_path / "w0").read(0, 0, max_events=1_000, max_bytes=2_500)

    assert chunk is not None
    assert chunk.events == 6


async def test_no_error_stops_the_commits(tmp_path: Path) -> None:
    """An error of any kind refuses what was being committed; it is answered, and the next commit is tried again."""
    writer = SpoolWriter(tmp_path / "w0")
    writer.start()
    checkpoint = tmp_path / "w0" / "checkpoint.json"
    checkpoint.write_text("{")

    with pytest.raises(SpoolUnavailable, match="is not a checkpoint"):
        await asyncio.wait_for(writer.append(META, b"refused", 2), 10)
    checkpoint.unlink()
    await asyncio.wait_for(writer.append(META, b"taken", 2), 10)
    await writer.close()

    assert [b"taken"] == bodies_of(read_all(tmp_path / "w0"))


def test_a_record_of_an_early_version_is_read_as_it_was_meant() -> None:
    """The address that early versions kept is passed over; the fields behind it are where they were."""
    early = b'["web",1000000,2,"ok",3,"","203.0.113.7",true,{"1":["flagged",["no_person"]]}]'

    record = decode_record(early)

    assert (record.validated_rev, record.careful, record.exceptions[1].outcome) == (3, True, "flagged")
