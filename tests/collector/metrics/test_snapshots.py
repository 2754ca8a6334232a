"""What processes write down for each other: nothing vanishes with a process, and nothing counts twice."""

from __future__ import annotations

import asyncio
import itertools
import json
import threading
import time
from collections import Counter
from pathlib import Path

import msgspec
import pytest
from aiohttp.test_utils import make_mocked_request
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from trackway_collector.errors import SpoolCorrupt
from trackway_collector.histogram import Histogram
from trackway_collector.ingest.reports.client_counts import FAMILY, MAX_LIBRARIES, count_client, go_on_with
from trackway_collector.metrics import Family, Snapshots
from trackway_collector.metrics.families import added, counter, exposition, gauge, histogram
from trackway_collector.metrics.snapshots import FRESH_S
from trackway_collector.outcomes import IngestCounters


def process(directory: Path | None, name: str, events: int, seconds: tuple[float, ...] = ()) -> Snapshots:
    """A process that has counted so many events."""
    times = Histogram((0.1, 1.0))
    for value in seconds:
        times.observe(value)
    families = [
        counter("t_events", "Events.", {("web", "ok"): events}, ("source", "outcome")),
        gauge("t_ready", "Ready.", 1),
        histogram("t_seconds", "Seconds.", times),
    ]
    return Snapshots(directory, name, lambda: families)


def values(by_worker: dict[str, list[Family]]) -> dict[tuple[str, str, str], float]:
    """Samples as a scrape sees them: (series, worker, le) → value."""
    text = exposition(by_worker).decode()
    return {
        (sample.name, sample.labels["worker"], sample.labels.get("le", "")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def write(snapshots: Snapshots) -> None:
    snapshots.write(snapshots.own())


async def test_one_page_shows_every_process(tmp_path: Path) -> None:
    """Whichever process is asked, it shows its own series and those of the others, told apart by `worker`."""
    first, second = process(tmp_path, "w0", 3, (0.05, 0.5, 5)), process(tmp_path, "w1", 4)
    write(first)
    write(second)
    for asked in (first, second):
        seen = values(await asked.every())
        assert (seen["t_events_total", "w0", ""], seen["t_events_total", "w1", ""]) == (3, 4)
        assert [seen["t_seconds_bucket", "w0", le] for le in ("0.1", "1.0", "+Inf")] == [1, 2, 3]
        assert seen["t_seconds_sum", "w0", ""] == 5.55
        assert seen["trackway_worker_up", "w1", ""] == 1


async def test_counters_go_on_after_a_restart(tmp_path: Path) -> None:
    """A process of the same name adds to what the one before it had written down, also the third."""
    for events in (3, 4, 5):
        write(process(tmp_path, "w0", events, (0.05,)))
    seen = values(await process(tmp_path, "w1", 0).every())
    assert seen["t_events_total", "w0", ""] == 12
    assert seen["t_seconds_bucket", "w0", "0.1"] == 3


async def test_of_a_dead_process_the_counters_stay(tmp_path: Path) -> None:
    """A process that has not written for ten seconds is down: its gauges are gone, its counters are not."""
    write(process(tmp_path, "w0", 3))
    path = tmp_path / "w0.json"
    snapshot = json.loads(path.read_text())
    path.write_text(json.dumps(snapshot | {"written_at": time.time() - FRESH_S - 1}))
    seen = values(await process(tmp_path, "w1", 0).every())
    assert seen["t_events_total", "w0", ""] == 3
    assert seen["trackway_worker_up", "w0", ""] == 0
    assert ("t_ready", "w0", "") not in seen
    assert seen["t_ready", "w1", ""] == 1


async def test_what_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    """A file that is damaged or of another version takes nothing from the others, and a process starts over at 0."""
    (tmp_path / "w1.json").write_bytes(b"{half")
    (tmp_path / "w2.json").write_bytes(b'{"written_at": 1, "families": [["t_events"]]}')
    (tmp_path / "w0.json").write_bytes(b"\xff")
    seen = values(await process(tmp_path, "w0", 2).every())
    assert {worker for _, worker, _ in seen} == {"w0"}
    assert seen["t_events_total", "w0", ""] == 2


async def test_workers_that_are_no_more_are_forgotten(tmp_path: Path) -> None:
    """After a start with fewer workers the page does not tell of the others as dead for ever."""
    for name in ("w0", "w1", "w2", "store"):
        write(process(tmp_path, name, 1))
    here = process(tmp_path, "w0", 0)
    here.forget_all_but(["w0", "w1", "store"])
    assert set(await here.every()) == {"w0", "w1", "store"}


COUNTS = st.dictionaries(st.tuples(st.sampled_from("abc")), st.integers(0, 100))


@given(COUNTS, COUNTS)
def test_adding_is_by_label(before: dict[tuple[str], int], now: dict[tuple[str], int]) -> None:
    """The sum of two counters has every label of either and the sum of what is under both."""
    (family,) = added([counter("t", "T.", now, ("x",))], [counter("t", "T.", before, ("x",))])
    sums = {sample.labels: sample.value for sample in family.samples}
    assert sums == {key: before.get(key, 0) + now.get(key, 0) for key in before | now}


def test_what_has_changed_its_form_starts_over() -> None:
    """A series that has other labels or bounds than an earlier version's is not added to it; nor is a gauge, ever."""
    old = [counter("a", "", {("x",): 5}, ("l",)), histogram("b", "", Histogram((1.0,))), gauge("c", "", 7)]
    new = [counter("a", "", 1), histogram("b", "", Histogram((2.0,))), gauge("c", "", 1)]
    assert added(new, old) == new
    assert msgspec.json.decode(msgspec.json.encode(new), type=list[Family]) == new


async def test_a_last_snapshot_waits_for_the_one_being_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that ends while its snapshot is being written writes the last one after it, not into it."""
    entered, go_on, order = threading.Event(), threading.Event(), []
    written = Snapshots.write

    def slow(self: Snapshots, families: list[Family]) -> None:
        order.append("begun")
        if len(order) == 1:
            entered.set()
            go_on.wait(10)
        written(self, families)
        order.append("ended")

    monkeypatch.setattr(Snapshots, "write", slow)
    writing = asyncio.create_task(process(tmp_path, "w0", 3).keep_writing())
    await asyncio.to_thread(entered.wait, 10)
    writing.cancel()
    await asyncio.sleep(0.05)
    go_on.set()
    await asyncio.wait((writing,))
    assert order == ["begun", "ended", "begun", "ended"]


async def test_a_count_that_fails_does_not_end_the_snapshots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Something that cannot be counted once, such as a checkpoint that cannot be read, is written a second later."""
    monkeypatch.setattr("trackway_collector.metrics.snapshots.EVERY_S", 0.01)
    answers = iter([SpoolCorrupt("no checkpoint")])

    def families() -> list[Family]:
        for error in answers:
            raise error
        return [counter("t_events", "Events.", 1)]

    writing = asyncio.create_task(Snapshots(tmp_path, "w0", families).keep_writing())
    while not (tmp_path / "w0.json").exists():
        assert not writing.done()
        await asyncio.sleep(0.01)
    writing.cancel()
    await asyncio.wait((writing,))


def test_counting_goes_on_while_a_snapshot_is_made() -> None:
    """A thread that counts something new meanwhile does not break the snapshot."""
    counts: Counter[str] = Counter({str(n): 1 for n in range(1000)})
    fresh = itertools.count()

    class Counting(str):
        __slots__ = ()

        def __str__(self) -> str:
            counts[f"new-{next(fresh)}"] += 1
            return "told"

    counts[Counting("x")] = 1
    assert len(counter("t", "T.", counts, ("x",)).samples) == 1001


def test_restarts_do_not_make_more_libraries(tmp_path: Path) -> None:
    """Libraries are told apart up to a number that holds for all lives of a worker together."""
    for life in range(3):
        counters = IngestCounters()
        snapshots = Snapshots(
            tmp_path,
            "w0",
            lambda c=counters: [counter(FAMILY, "", c.libraries, ("library", "version"))],  # type: ignore[misc]
        )
        go_on_with(counters, snapshots)
        for number in range(MAX_LIBRARIES):
            body = b'{"context":{"library":{"name":"lib-%d-%d","version":"1"}}}' % (life, number)
            count_client(counters, make_mocked_request("POST", "/"), body)
        write(snapshots)
    (family,) = snapshots.own()[1:]
    assert len(family.samples) == MAX_LIBRARIES + 1
    assert sum(sample.value for sample in family.samples) == 3 * MAX_LIBRARIES
