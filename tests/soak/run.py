"""One run: find the peak, keep the load at a part of it, break things, mend them, and look at the books."""

from __future__ import annotations

import statistics
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.soak.books import what_is_wrong
from tests.soak.clients import Clients, Report
from tests.soak.faults import Faults, small_disk
from tests.support.clickhouse_server import ServerProcess
from tests.support.house import KEY, House, open_house

CLIENTS = 2
PART_OF_PEAK = 0.7
BETWEEN_FAULTS_S = 4.0
AFTERWARDS_S = 600.0
CLOCK = Path(__file__).parent / "clock"


@dataclass
class Result:
    """What a run found."""

    seed: int
    seconds: float
    peak_events_per_s: float
    reports: list[Report]
    faults: Counter[str]
    wrong: list[str] = field(default_factory=list)

    @property
    def acknowledged(self) -> int:
        """Events of the run that were answered 200."""
        return sum(report.acknowledged for report in self.reports)

    @property
    def answers(self) -> Counter[str]:
        """Status, or what happened instead of an answer → requests."""
        total: Counter[str] = Counter()
        for report in self.reports:
            total.update(report.answers)
        return total

    @property
    def median_ack_s(self) -> float:
        """Median time to a 200, faults included; 0 without any."""
        return statistics.median([s for report in self.reports for s in report.latencies_s] or [0.0])


def soak(
    directory: Path, *, minutes: float, seed: int, rate: float, workers: int = 2, say: Callable[[str], None]
) -> Result:
    """
    Run for some minutes and return what was found; everything is stopped and unmounted afterwards.

    Args:
        directory: empty; holds the server's data and the mounted disk.
        rate: events per second; 0: a part of the peak, which is measured first.
    """
    clock = directory / "clock"
    clock.write_text("0")
    with small_disk(directory / "disk") as disk, ServerProcess(directory / "clickhouse") as server:
        url = server.url.replace("/default", "/trackway")
        options = ("--warehouse", url, "--workers", str(workers))
        shifted = {"TRACKWAY_SOAK_CLOCK": str(clock), "TRACKWAY_SPOOL_GRACE_S": "60"}
        with open_house(disk / "data", *options, environment=shifted, packages=(CLOCK,)) as house:
            reports: list[Report] = []
            peak = 0.0
            if not rate:
                peak, reports = _peak(house, seed)
                rate = PART_OF_PEAK * peak
                say(f"peak {peak:,.0f} events/s end to end; the load is {rate:,.0f}")
            faults = Faults(house, server, disk, clock, seed)
            started = time.monotonic()
            clients = Clients(house.url, KEY, CLIENTS, "soak", seed, rate)
            while (past_s := time.monotonic() - started) < minutes * 60:
                name = faults.next()
                say(f"{past_s:6.0f} s  {name:20}  {clients.acknowledged():12,} acknowledged")
                if dead := clients.faults():
                    raise RuntimeError("; ".join(dead))
                time.sleep(BETWEEN_FAULTS_S)
            seconds = time.monotonic() - started
            say("everything works again; the clients send what is left")
            reports += clients.finish(AFTERWARDS_S)
            result = Result(seed, seconds, peak, reports, faults.done)
            _until_loaded(house, result.acknowledged)
            result.wrong = what_is_wrong(house, reports)
            if house.stop() != 0:
                result.wrong.append("it did not stop as asked")
    return result


def _peak(house: House, seed: int) -> tuple[float, list[Report]]:
    """Return how many events per second get from the clients into the warehouse when nothing is broken."""
    started = time.monotonic()
    clients = Clients(house.url, KEY, CLIENTS, "peak", seed)
    time.sleep(15)
    reports = clients.finish(AFTERWARDS_S)
    acknowledged = sum(report.acknowledged for report in reports)
    _until_loaded(house, acknowledged)
    return acknowledged / (time.monotonic() - started), reports


def _until_loaded(house: House, events: int) -> None:
    """Wait until so many events are stored, or nothing more is being stored."""
    stored, since = -1, time.monotonic()
    while stored < events and time.monotonic() - since < 60:
        now = house.value("SELECT count() FROM events") or 0
        if now != stored:
            stored, since = now, time.monotonic()
        time.sleep(0.2)
