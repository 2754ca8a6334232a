"""Makes one scenario happen to one client, in real processes, and counts."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.benchmarks.peers.collector import Collector
from tests.benchmarks.peers.environment import ROOT, variables
from tests.benchmarks.peers.program import NUMBERS_PER_PROCESS, Story
from tests.benchmarks.peers.scenarios import Scenario
from tests.benchmarks.peers.tally import Slot, Tally

NEXT = 10_000_000
"""Number of the first event of the program's second run."""
START_LIMIT_S = 60.0
LATER_S = 0.13
"""So much later than in the run before a program is killed: no even part of anybody's flush interval."""


class NotPossible(Exception):
    """This scenario cannot be run on this machine; the message says why."""


@dataclass(frozen=True)
class Outcome:
    """One cell of the table."""

    sent: int
    """Calls of `track` that came back, raised or not."""
    lost: int
    """Of them, those whose event never arrived."""
    doubled: int
    """Events that arrived under two ids."""
    repeated: int
    """Events that arrived again under the same id."""
    raised: int
    """Calls that raised."""
    longest_s: float
    """The longest call."""
    held_s: float
    """From the last call to the end of the process."""
    forced: bool
    """Whether the program had not ended by itself within the scenario's limit."""
    tracking: bool = False
    """Whether it was still calling `track` then."""


def run(scenario: Scenario, client: str, python: Path, turn: int = 0) -> Outcome:
    """
    Run one client through one scenario with the given interpreter; each turn kills a little later than the last.

    Raises:
        NotPossible: it cannot be run on this machine.
    """
    with tempfile.TemporaryDirectory() as folder, Collector() as collector, _disk(Path(folder), scenario) as disk:
        program = _Program(python, client, collector.url, disk, Path(folder))
        if scenario.before is not None:
            scenario.before(collector)
        ended_at, forced = _first_run(program, scenario, collector, turn * LATER_S)
        slots = program.tally.read()
        sent = numbers = set(_numbers(slots, 0))
        held_s = max(0.0, ended_at - max(slot.ended_at for slot in slots))
        if scenario.next_process:
            collector.down()
            collector.up()
            again = _Program(python, client, collector.url, disk, Path(folder), first=NEXT)
            process = again.start(Story(events=10))
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(scenario.limit_s)
            _end(process)
            numbers = sent | set(_numbers(again.tally.read(), NEXT))
        collector.down()
        return Outcome(
            sent=len(numbers),
            lost=len(numbers - collector.arrived.keys()),
            doubled=collector.doubled,
            repeated=collector.repeated,
            raised=sum(slot.raised for slot in slots),
            longest_s=max(slot.longest_s for slot in slots),
            held_s=held_s,
            forced=forced,
            tracking=forced and len(sent) < _wanted(scenario.story),
        )


def run_all(
    scenario: Scenario, python: Path, chosen: Iterable[str], say: Callable[[str], None]
) -> dict[str, Outcome | str]:
    """Run the chosen clients through a scenario; a text in place of an outcome says why there is none."""
    names = [name for name in scenario.clients if name in chosen]

    def one(name: str) -> Outcome | str:
        try:
            outcome: Outcome | str = _together([run(scenario, name, python, turn) for turn in range(scenario.runs)])
        except NotPossible as reason:
            outcome = str(reason)
        say(f"{scenario.name}, {name}: {outcome}")
        return outcome

    with ThreadPoolExecutor(len(names) if scenario.side_by_side and names else 1) as pool:
        return dict(zip(names, pool.map(one, names), strict=True))


def _wanted(story: Story) -> int:
    """Return how many events a program tracks that is left alone."""
    return story.before_fork + story.events * max(1, story.workers)


def _together(outcomes: list[Outcome]) -> Outcome:
    """Add up the counts of several runs; of the times the longest stands."""
    return Outcome(
        sent=sum(outcome.sent for outcome in outcomes),
        lost=sum(outcome.lost for outcome in outcomes),
        doubled=sum(outcome.doubled for outcome in outcomes),
        repeated=sum(outcome.repeated for outcome in outcomes),
        raised=sum(outcome.raised for outcome in outcomes),
        longest_s=max(outcome.longest_s for outcome in outcomes),
        held_s=max(outcome.held_s for outcome in outcomes),
        forced=any(outcome.forced for outcome in outcomes),
        tracking=any(outcome.tracking for outcome in outcomes),
    )


class _Program:
    """A program to be started, and its tally."""

    def __init__(self, python: Path, client: str, host: str, disk: Path, folder: Path, first: int = 0) -> None:
        self._command = [str(python), "-m", "tests.benchmarks.peers.program", client, host, str(disk)]
        self._path = folder / f"tally-{first}"
        self.tally = Tally(self._path)
        self._first = first

    def start(self, story: Story) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [*self._command, str(self._path), str(self._first), json.dumps(asdict(story))],
            cwd=ROOT,
            env=variables(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=None if os.environ.get("BENCH_STDERR") else subprocess.DEVNULL,
            start_new_session=True,
        )


def _first_run(program: _Program, scenario: Scenario, collector: Collector, later_s: float) -> tuple[float, bool]:
    """Start the program, let happen what is to happen, and return when it ended and whether it had to be forced."""
    process = program.start(scenario.story)
    try:
        started_at = _first_call(process, program.tally)
        due: list[tuple[float, Callable[[], None]]] = [
            (after_s, lambda act=act: act(collector))  # type: ignore[misc]
            for after_s, act in scenario.faults
        ]
        if scenario.kill is not None:
            after_s, number = scenario.kill
            due.append((after_s + later_s, lambda: process.send_signal(number)))
        for after_s, act in sorted(due, key=lambda item: item[0]):
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, started_at + after_s - time.monotonic()))
            act()
        try:
            process.wait(max(0.0, started_at + scenario.limit_s - time.monotonic()))
        except subprocess.TimeoutExpired:
            return time.monotonic(), True
        return time.monotonic(), False
    finally:
        _end(process)


def _first_call(process: subprocess.Popen[bytes], tally: Tally) -> float:
    """Wait for the program's first call of `track`, and return the time."""
    limit = time.monotonic() + START_LIMIT_S
    while not any(slot.calls for slot in tally.read()):
        if process.poll() is not None or time.monotonic() > limit:
            msg = f"The program did not track anything (exit code {process.poll()}). BENCH_STDERR=1 shows its messages."
            raise RuntimeError(msg)
        time.sleep(0.005)
    return time.monotonic()


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # its workers, too
    process.wait()


def _numbers(slots: list[Slot], first: int) -> Iterator[int]:
    for number, slot in enumerate(slots):
        start = first + number * NUMBERS_PER_PROCESS
        yield from range(start, start + slot.calls)


@contextlib.contextmanager
def _disk(folder: Path, scenario: Scenario) -> Iterator[Path]:
    """Give the directory of the disk queue: a small file system of its own if the scenario wants one."""
    disk = folder / "disk"
    disk.mkdir()
    if not scenario.small_disk:
        yield disk
        return
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        msg = "needs root, to mount a file system of 256 KiB"
        raise NotPossible(msg)
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(disk)], check=False, capture_output=True, text=True
    )
    if done.returncode:
        msg = f"a file system of 256 KiB cannot be mounted here: {done.stderr.strip()}"
        raise NotPossible(msg)
    try:
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=False)
