"""The ordinary trouble that a program and its collector meet."""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import dataclass

from tests.benchmarks.peers.clients import DEFAULTS, OURS
from tests.benchmarks.peers.collector import Collector
from tests.benchmarks.peers.program import Story

Fault = tuple[float, Callable[[Collector], None]]
"""Seconds after the first event, and what happens to the collector then."""


def _down(collector: Collector) -> None:
    collector.down()


def _up(collector: Collector) -> None:
    collector.up()


def _answers_503(collector: Collector) -> None:
    collector.status = 503


def _answers_200(collector: Collector) -> None:
    collector.status = 200


def _loses_answers(collector: Collector) -> None:
    collector.loses_answers = True


def _answers(collector: Collector) -> None:
    collector.loses_answers = False


def _slow(collector: Collector) -> None:
    collector.delay_s = 2.0


@dataclass(frozen=True)
class Scenario:
    """One row of the table."""

    name: str
    what: str
    """One sentence for the page."""
    story: Story
    before: Callable[[Collector], None] | None = None
    """What is wrong with the collector from the start."""
    faults: tuple[Fault, ...] = ()
    kill: tuple[float, signal.Signals] | None = None
    """Seconds after the first event, and the signal the program gets."""
    next_process: bool = False
    """Whether, with the collector up, the program is started again, as a supervisor would; it tracks 10 events."""
    runs: int = 1
    """How many runs are added up: a kill meets a queue that is now full, now empty."""
    limit_s: float = 30.0
    """The program is ended by force so long after its first event."""
    side_by_side: bool = False
    """Whether all clients may run at the same time: they mostly wait."""
    small_disk: bool = False
    """Whether the directory of the disk queue is a file system of 256 KiB."""
    clients: tuple[str, ...] = (*DEFAULTS, *OURS)


SCENARIOS = (
    Scenario(
        "forked child",
        "A program tracks 100 events and flushes, then forks (os.fork); the child tracks 1,000, calls flush and close.",
        Story(events=1000, before_fork=100, workers=1),
        limit_s=15,
    ),
    Scenario(
        "preload",
        "The client is set up in the main process, which forks two workers (as gunicorn does with preload_app); each "
        "tracks 500 events, calls flush and close.",
        Story(events=500, workers=2),
        limit_s=15,
    ),
    Scenario(
        "default SIGTERM",
        "A thousand events a second; after 1.5 s and more the process gets SIGTERM, for which it has no handler; then "
        "it is started again. Three runs, each 0.13 s longer than the one before.",
        Story(events=60_000, pause_s=0.001),
        kill=(1.5, signal.SIGTERM),
        runs=3,
        next_process=True,
    ),
    Scenario(
        "SIGKILL",
        "The same with SIGKILL. Three runs.",
        Story(events=60_000, pause_s=0.001),
        kill=(1.5, signal.SIGKILL),
        runs=3,
        next_process=True,
    ),
    Scenario(
        "exit without flush",
        "2,003 events (no multiple of a batch) as fast as the client takes them, then the main module ends.",
        Story(events=2003, ending="exit"),
        limit_s=60,
        next_process=True,
    ),
    Scenario(
        "collector down and back",
        "A hundred events a second for 40 s; after 1.5 s the collector refuses connections, for 15 s; flush and close.",
        Story(events=4000, pause_s=0.01),
        faults=((1.5, _down), (16.5, _up)),
        limit_s=120,
        side_by_side=True,
    ),
    Scenario(
        "503 for a while",
        "The same, but the collector answers 503 for those 15 s.",
        Story(events=4000, pause_s=0.01),
        faults=((1.5, _answers_503), (16.5, _answers_200)),
        limit_s=120,
        side_by_side=True,
    ),
    Scenario(
        "exit while it is down",
        "A hundred events a second for 4 s; after 2 s the collector goes down; the program ends without flush; the "
        "collector comes back, and the program is started again.",
        Story(events=400, pause_s=0.01, ending="exit"),
        faults=((2.0, _down),),
        next_process=True,
        limit_s=30,
        side_by_side=True,
    ),
    Scenario(
        "answers lost",
        "A hundred events a second for 15 s; for the first 5 s the collector takes what it gets and resets the "
        "connection instead of answering; flush and close.",
        Story(events=1500, pause_s=0.01),
        before=_loses_answers,
        faults=((5.0, _answers),),
        limit_s=120,
        side_by_side=True,
    ),
    Scenario(
        "collector slow",
        "Every answer takes 2 s; 1,000 events at two hundred a second, flush and close; ended by force after 40 s.",
        Story(events=1000, pause_s=0.005),
        before=_slow,
        limit_s=40,
        side_by_side=True,
    ),
    Scenario(
        "burst",
        "10,000 events as fast as the client takes them, then flush and close.",
        Story(events=10_000),
        limit_s=120,
    ),
    Scenario(
        "oversize event",
        "101 events, the 51st with a text of 4 MiB (the collector answers 413 to bodies over 3 MiB); flush and close.",
        Story(events=101, oversize_at=50),
        limit_s=30,
    ),
    Scenario(
        "disk full",
        "The disk queue has 256 KiB of disk; 5,000 events while the collector is down, which then comes back; flush "
        "and close.",
        Story(events=5000, pause_s=0.0002),
        before=_down,
        faults=((3.0, _up),),
        small_disk=True,
        clients=("trackway-disk",),
    ),
)
