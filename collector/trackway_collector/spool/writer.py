"""
Append requests to the spool and tell each caller when its bytes are on the disk.

Group commit without a timer: one thread writes and fsyncs whatever has arrived while it was fsyncing. Under light load
a request waits for one fsync; under heavy load one fsync serves hundreds of requests.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import IO

from trackway_collector.errors import SpoolError, SpoolFull, SpoolUnavailable
from trackway_collector.histogram import Histogram
from trackway_collector.spool.checkpoint import load_checkpoint
from trackway_collector.spool.layout import (
    fsync_directory,
    pack_block,
    pack_segment_header,
    segment_numbers,
    segment_path,
    spool_name,
    sync_data,
    take_lock,
)
from trackway_collector.spool.reader import SpoolReader

logger = logging.getLogger(__name__)

MAX_BLOCK_BYTES = 8 * 1024 * 1024


_Append = tuple[bytes, bytes, int, "asyncio.Future[None]"]
"""Meta, body, number of events, and who waits."""


@dataclass(slots=True)
class CommitStats:
    """What the writer has done since it started; read by `/metrics`."""

    commits: int = 0
    events: int = 0
    bytes: int = 0
    failures: int = 0
    fsync_seconds: Histogram = field(default_factory=Histogram)


class SpoolWriter:
    """
    The one writer of a spool directory; `append()` belongs to the event loop that called `start()`.

    Args:
        directory: made when missing.
        segment_bytes: a segment is closed when it has grown past this size.
        max_backlog_bytes: refuse appends while this many bytes wait for the loader.
    """

    def __init__(
        self, directory: Path, *, segment_bytes: int = 64 * 1024 * 1024, max_backlog_bytes: int = 8 * 1024**3
    ) -> None:
        self.name = spool_name(directory)
        self.directory = directory
        self.stats = CommitStats()
        self._segment_bytes = segment_bytes
        self._max_backlog_bytes = max_backlog_bytes
        self._lock = take_lock(directory / "writer.lock", "writes")
        # In C from end to end: an Event beside a deque cost a tenth of a small request.
        self._queue: SimpleQueue[_Append | None] = SimpleQueue()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name=f"spool-{directory.name}", daemon=True)
        self._file: IO[bytes] | None = None
        self._segment = 0
        self._segment_size = 0
        self._next_offset = 0
        self._sizes = {n: segment_path(directory, n).stat().st_size for n in segment_numbers(directory)}
        self._sizes_lock = threading.Lock()
        self._queued_bytes = 0
        self._backlog_bytes = 0
        self._failed: SpoolUnavailable | None = None
        self.refresh_backlog()

    @property
    def waiting(self) -> int:
        """How many appends have no answer yet, as good as."""
        return self._queue.qsize()

    def beside(self, suffix: str) -> SpoolWriter:
        """Return the writer of another spool of the same worker, with the same limits."""
        directory = self.directory.with_name(self.directory.name + suffix)
        return SpoolWriter(directory, segment_bytes=self._segment_bytes, max_backlog_bytes=self._max_backlog_bytes)

    def start(self) -> None:
        """Start the commit thread; call it on the event loop that will append."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    def append(self, meta: bytes, body: bytes, events: int) -> asyncio.Future[None]:
        """
        Return a future that is done when the record has been fsynced.

        The future raises SpoolUnavailable when the disk refused.

        Raises:
            SpoolFull: at once, when the backlog has reached its limit.
            SpoolUnavailable: at once, when the writer is closing.
        """
        if self._closing:
            message = "the collector is stopping"
            raise SpoolUnavailable(message)
        if self._backlog_bytes + self._queued_bytes > self._max_backlog_bytes:
            message = f"the spool holds {self._backlog_bytes} bytes that are not loaded yet, its limit"
            raise SpoolFull(message)
        done = self._loop.create_future()
        self._queued_bytes += len(body)
        self._queue.put((meta, body, events, done))
        return done

    @property
    def backlog_bytes(self) -> int:
        """How many bytes wait for the loader, as of the last `refresh_backlog()` and the commits since."""
        return self._backlog_bytes

    @property
    def failed(self) -> bool:
        """Whether the disk refused the last commit."""
        return self._failed is not None

    @property
    def accepting(self) -> bool:
        """Whether an append would be taken now and the last write succeeded."""
        return (
            not self._closing
            and self._failed is None
            and self._backlog_bytes + self._queued_bytes <= self._max_backlog_bytes
        )

    def oldest_age_s(self) -> float:
        """Return the age in seconds of the oldest block that waits for the loader; 0 when none does."""
        if self._backlog_bytes <= 0:
            return 0.0
        checkpoint = load_checkpoint(self.directory)
        committed_at_us = SpoolReader(self.directory).peek(checkpoint.segment, checkpoint.byte)
        return max(0.0, time.time() - committed_at_us / 1e6) if committed_at_us else 0.0

    def refresh_backlog(self) -> None:
        """Read the loader's checkpoint and forget what it has passed."""
        checkpoint = load_checkpoint(self.directory)
        with self._sizes_lock:
            self._sizes = {n: size for n, size in self._sizes.items() if n >= checkpoint.segment}
            loaded = min(checkpoint.byte, self._sizes.get(checkpoint.segment, 0))
            self._backlog_bytes = sum(self._sizes.values()) - loaded

    async def probe(self) -> None:
        """
        Write and fsync an empty block, so that a worker whose disk has failed learns when it works again.

        Raises:
            SpoolError: the disk still refuses.
        """
        await self.append(b"", b"", 0)

    async def close(self) -> None:
        """Commit what was appended, then stop. Appends are refused from now on."""
        self._closing = True
        self._queue.put(None)
        if self._thread.is_alive():
            await asyncio.to_thread(self._thread.join)
        self._end_segment()
        self._lock.close()

    # --- the commit thread -------------------------------------------------------------------------------------

    def _run(self) -> None:
        ending = False
        while not ending:
            batch, ending = self._take_batch()
            if batch:
                error = self._commit(batch)
                self._loop.call_soon_threadsafe(self._resolve, batch, error)

    def _take_batch(self) -> tuple[list[_Append], bool]:
        """Wait for an append and return it with those behind it, and whether they are the last."""
        batch: list[_Append] = []
        size = 0
        queue = self._queue
        append = queue.get()
        while append is not None:
            batch.append(append)
            size += len(append[1])
            if size >= MAX_BLOCK_BYTES or queue.empty():
                return batch, False
            append = queue.get()
        return batch, True

    def _commit(self, batch: list[_Append]) -> SpoolError | None:
        try:
            file = self._open_segment()
            events = sum(append[2] for append in batch)
            records = [(meta, body) for meta, body, number, _ in batch if number]
            block = pack_block(records, events, self._next_offset, time.time_ns() // 1000)
            _write_all(file, block)
            started = time.perf_counter()
            sync_data(file.fileno())
            synced = time.perf_counter()
        except Exception as error:
            # Whatever it was, this thread must go on: without it every request would wait for ever.
            self._end_segment()
            self.stats.failures += 1
            reason = f"the disk refused: {error.strerror}" if isinstance(error, OSError) else str(error)
            self._failed = SpoolUnavailable(f"{self.directory}: {reason}")
            logger.exception("the segment is closed and the next commit opens another")
            return self._failed
        self._failed = None
        self._next_offset += events
        self._segment_size += len(block)
        with self._sizes_lock:
            self._sizes[self._segment] = self._segment_size
            self._backlog_bytes += len(block)
        self.stats.fsync_seconds.observe(synced - started)
        self.stats.commits += 1
        self.stats.events += events
        self.stats.bytes += len(block)
        if self._segment_size >= self._segment_bytes:
            self._end_segment()
        return None

    def _open_segment(self) -> IO[bytes]:
        if self._file is None:
            # The checkpoint may stand at a segment that somebody deleted: its number stays used.
            checkpoint = load_checkpoint(self.directory)
            number = 1 + max(self._segment, checkpoint.segment, *segment_numbers(self.directory), 0)
            header = pack_segment_header(number, time.time_ns() // 1000)
            # Unbuffered: what write() has returned for is in the kernel's hands, and an error names its write.
            path = segment_path(self.directory, number)
            file = path.open("xb", buffering=0)
            self._segment = number  # used, whatever comes of it
            try:
                _write_all(file, header)
                fsync_directory(self.directory)
            except BaseException:
                # A full disk must not collect an empty file for each request that it refuses.
                file.close()
                with contextlib.suppress(OSError):
                    path.unlink()
                raise
            self._file, self._segment, self._segment_size, self._next_offset = file, number, len(header), 0
        return self._file

    def _end_segment(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            with contextlib.suppress(OSError):  # an unbuffered file has nothing left to write
                file.close()

    def _resolve(self, batch: list[_Append], error: SpoolError | None) -> None:
        for _, body, _, done in batch:
            self._queued_bytes -= len(body)
            if done.done():  # the client went away and its handler was cancelled
                continue
            if error is None:
                done.set_result(None)
            else:
                done.set_exception(error)


def _write_all(file: IO[bytes], data: bytes) -> None:
    # A raw write may take only a part, for one when the disk is nearly full; the next one then says why.
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]
