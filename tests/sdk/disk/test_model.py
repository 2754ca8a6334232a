"""
The disk queue against a simple model, with processes that are killed, closed, adopt one another, and power losses.

The model knows of each event who has it: a process that may send it, or the disk. Every event that is not settled must
come back once, to one process at a time, whatever happened; after a power loss those must that had been synced.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from trackway._disk import DiskQueue
from trackway._disk.layout import log_of


class Process:
    """One process of the model: its queue, and what it has of the events."""

    def __init__(self, directory: Path) -> None:
        self.queue = DiskQueue(
            directory,
            max_bytes=1 << 30,
            max_age_s=86_400,
            wall_ns=lambda: 1_780_000_000 * 10**9,
            lock=threading.RLock(),
            uptime=lambda: 5.0,
            boot=b"r" * 16,
            syncs_itself=False,
        )
        # Small segments, so that a few events fill several.
        self.queue._segment_bytes = 400
        self.held: dict[int, bytes] = {}
        """What it could send, by token."""
        self.backlog: set[bytes] = set()
        """What it appended and does not hold."""


class DiskModel(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp())
        self.processes: list[Process] = []
        self.left: set[bytes] = set()
        """Events of processes that have ended, and not settled: somebody must find them."""
        self.settled: set[bytes] = set()
        self.perhaps: set[bytes] = set()
        """Settled events that a power loss may have brought back: they are sent again, and known by their ids."""
        self.lost_power = False
        self.synced: dict[str, int] = {}
        """How many bytes of a file a power loss cannot take."""
        self.logs: list[str | None] = []
        self.number = 0

    def teardown(self) -> None:
        """Whoever comes last gets all that is left."""
        for process in self.processes:
            self._end(process)
        last = Process(self.directory)
        self._adopt_and_read_all(last)
        last.queue.settle(list(last.held))
        last.queue.close()
        assert os.listdir(self.directory) == []
        shutil.rmtree(self.directory)

    @precondition(lambda self: len(self.processes) < 3)
    @rule()
    def begin(self) -> None:
        self.processes.append(Process(self.directory))

    @precondition(lambda self: self.processes)
    @rule(data=st.data(), held=st.booleans(), size=st.integers(1, 150), count=st.integers(1, 4))
    def append(self, data: st.DataObject, held: bool, size: int, count: int) -> None:
        process = data.draw(st.sampled_from(self.processes))
        for _ in range(count):
            self.number += 1
            event = b'{"n":%d,"x":"%b"}' % (self.number, b"x" * size)
            token = process.queue.append(event, held=held)
            self._note_log(process)
            if token is None:
                process.backlog.add(event)
            else:
                assert held
                assert not process.backlog
                process.held[token] = event

    @precondition(lambda self: any(process.held for process in self.processes))
    @rule(data=st.data())
    def settle(self, data: st.DataObject) -> None:
        process = data.draw(st.sampled_from([process for process in self.processes if process.held]))
        tokens = data.draw(st.lists(st.sampled_from(list(process.held)), unique=True))
        process.queue.settle(tokens)
        for token in tokens:
            self.settled.add(process.held.pop(token))

    @precondition(lambda self: self.processes)
    @rule(data=st.data(), count=st.integers(1, 5))
    def read(self, data: st.DataObject, count: int) -> None:
        process = data.draw(st.sampled_from(self.processes))
        self._read(process, count)

    @precondition(lambda self: self.processes)
    @rule(data=st.data())
    def adopt(self, data: st.DataObject) -> None:
        data.draw(st.sampled_from(self.processes)).queue.adopt()

    @precondition(lambda self: self.processes)
    @rule(data=st.data())
    def sync(self, data: st.DataObject) -> None:
        process = data.draw(st.sampled_from(self.processes))
        process.queue.sync()
        self._synced(process)

    @precondition(lambda self: self.processes)
    @rule(data=st.data())
    def kill(self, data: st.DataObject) -> None:
        self._end(process := data.draw(st.sampled_from(self.processes)))
        self.processes.remove(process)

    @precondition(lambda self: self.processes)
    @rule(data=st.data())
    def close(self, data: st.DataObject) -> None:
        process = data.draw(st.sampled_from(self.processes))
        process.queue.close()
        self.processes.remove(process)
        self.left |= set(process.held.values()) | process.backlog
        self._synced(process)

    @rule(data=st.data())
    def lose_power(self, data: st.DataObject) -> None:
        """All ends at once. What was not synced is cut off somewhere, or zeros; what was settled may be forgotten."""
        for process in self.processes:
            self._end(process)
        self.processes.clear()
        kept = b""
        # Names are random; hypothesis wants the same order each time.
        paths = sorted(
            self.directory.iterdir(), key=lambda path: (self.logs.index(log_of(path.name)), path.name.split(".")[1:])
        )
        for path in paths:
            whole = path.read_bytes()
            safe = min(self.synced.get(path.name, 0), len(whole))
            cut = data.draw(st.integers(safe, len(whole)))
            path.write_bytes(whole[:cut] + data.draw(st.sampled_from([b"", bytes(len(whole) - cut)])))
            if path.suffix == ".events":
                kept += whole[:cut]
        self.lost_power = True
        self.left = {event for event in self.left if event in kept}
        self.perhaps = {event for event in self.settled if event in kept}

    @invariant()
    def each_event_is_somewhere_once(self) -> None:
        everywhere = [event for process in self.processes for event in process.held.values()]
        everywhere += [event for process in self.processes for event in process.backlog]
        assert len(set(everywhere)) == len(everywhere)
        assert not self.left & set(everywhere)
        for process in self.processes:
            assert process.queue.backlog == len(process.backlog)

    def _synced(self, process: Process) -> None:
        own = process.queue._own
        for path in self.directory.glob(f"{own.name}.*.events" if own is not None else "-"):
            self.synced[path.name] = path.stat().st_size

    def _note_log(self, process: Process) -> None:
        own = process.queue._own
        if own is not None and own.name not in self.logs:
            self.logs.append(own.name)

    def _order(self, path: Path) -> tuple[int, list[str]]:
        return self.logs.index(log_of(path.name)), path.name.split(".")[1:]

    def _end(self, process: Process) -> None:
        process.queue.forget()
        self.left |= set(process.held.values()) | process.backlog

    def _read(self, process: Process, count: int) -> bool:
        had_backlog = bool(process.backlog)
        chunk = process.queue.read(count, 1 << 20)
        if chunk is None:
            assert not process.backlog
            return False
        process.queue.took(chunk)
        assert chunk.adopted != had_backlog
        assert not chunk.too_old
        assert self.lost_power or not chunk.damaged
        for token, event in chunk.events:
            if chunk.adopted:
                assert event in self.left or event in self.perhaps, event
                self.left.discard(event)
                self.perhaps.discard(event)
            else:
                process.backlog.remove(event)
            assert token not in process.held
            process.held[token] = event
        return True

    def _adopt_and_read_all(self, process: Process) -> None:
        process.queue.adopt()
        while self._read(process, 1000):
            pass
        assert not self.left


TestDiskModel = DiskModel.TestCase
TestDiskModel.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
