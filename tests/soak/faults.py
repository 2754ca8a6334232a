"""What is broken while the load goes on, one thing after another, by a seeded dice."""

from __future__ import annotations

import contextlib
import errno
import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

from tests.support.clickhouse_server import ServerProcess
from tests.support.house import House

SMALL_DISK_MIB = 1_500
DAY_S = 86_400.0


class Faults:
    """
    Breaks things, each for a while, and mends them.

    Args:
        disk: the file system that the house's data is on, small enough to be filled.
        clock: the file that shifts the clock of the house's processes.
    """

    def __init__(self, house: House, server: ServerProcess, disk: Path, clock: Path, seed: int) -> None:
        self.done: Counter[str] = Counter()
        self._house, self._server, self._disk, self._clock = house, server, disk, clock
        self._dice = random.Random(seed)
        self._bag: list[Callable[[], None]] = []

    def next(self) -> str:
        """Break the next thing, mend it, and return its name; every kind has its turn before one comes again."""
        if not self._bag:
            self._bag = [
                self.worker_killed,
                self.store_killed,
                self.worker_killed,
                self.house_killed,
                self.clickhouse_killed,
                self.worker_killed,
                self.clickhouse_frozen,
                self.disk_full,
                self.clock_jumps,
                self.worker_frozen,
                self.clickhouse_restarted,
            ]
            self._dice.shuffle(self._bag)
        fault = self._bag.pop()
        name = fault.__name__
        fault()
        self.done[name] += 1
        return name

    def worker_killed(self) -> None:
        """One ingest worker dies at once; the supervisor starts it again."""
        self._signal("ingest", signal.SIGKILL)

    def worker_frozen(self) -> None:
        """One ingest worker stands still for some seconds: connections hang."""
        with self._frozen(self._processes("ingest")[:1]):
            time.sleep(self._dice.uniform(1, 4))

    def store_killed(self) -> None:
        """The store dies at once, perhaps in the middle of an insert."""
        self._signal("store", signal.SIGKILL)

    def house_killed(self) -> None:
        """All of Trackway's processes die at once, and an operator starts it again."""
        self._house.kill()
        self._house.start()

    def clickhouse_killed(self) -> None:
        """The server dies at once and is away for a while."""
        self._server.kill()
        time.sleep(self._dice.uniform(0.5, 4))
        self._server.start()

    def clickhouse_restarted(self) -> None:
        """An operator restarts the server."""
        self._server.stop()
        self._server.start()

    def clickhouse_frozen(self) -> None:
        """The server stands still, perhaps in the middle of an insert."""
        process = self._server.process
        with self._frozen([psutil.Process(process.pid)] if process else []):
            time.sleep(self._dice.uniform(2, 8))

    def disk_full(self) -> None:
        """Something else fills the disk, and goes away again."""
        ballast = self._disk / "ballast"
        try:
            with ballast.open("wb", buffering=0) as file:
                _fill(file.fileno())
            time.sleep(self._dice.uniform(1, 5))
        finally:
            ballast.unlink(missing_ok=True)

    def clock_jumps(self) -> None:
        """The wall clock is set forwards or backwards by seconds up to a day and a half, and later set right."""
        self._clock.write_text(str(self._dice.choice([-1, 1]) * self._dice.choice([3.0, 3_600.0, 1.5 * DAY_S])))
        time.sleep(self._dice.uniform(2, 5))
        self._clock.write_text("0")

    def _processes(self, name: str) -> list[psutil.Process]:
        found = []
        for process in self._house.processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                if name in process.cmdline():
                    found.append(process)
        self._dice.shuffle(found)
        return found

    def _signal(self, name: str, number: signal.Signals) -> None:
        for process in self._processes(name)[:1]:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(number)

    @contextlib.contextmanager
    def _frozen(self, processes: list[psutil.Process]) -> Iterator[None]:
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.suspend()
        try:
            yield
        finally:
            for process in processes:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.resume()


def _fill(descriptor: int) -> None:
    for piece in (b"\0" * 1024**2, b"\0" * 4096):
        with contextlib.suppress(OSError):
            while True:
                os.write(descriptor, piece)


@contextlib.contextmanager
def small_disk(path: Path, mib: int = SMALL_DISK_MIB) -> Iterator[Path]:
    """
    A file system of its own in memory, small enough to be filled.

    Raises:
        OSError: none can be mounted here; that takes root.
    """
    path.mkdir(parents=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={mib}m", "tmpfs", str(path)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode:
        raise OSError(errno.EPERM, f"no tmpfs can be mounted here: {mounted.stderr.strip()}")
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", str(path)], check=False)
