"""The loader under steady load, beside other spools, and with an engine that comes and goes."""

from __future__ import annotations

import threading
from errno import EDQUOT, ENOSPC
from pathlib import Path
from typing import Any

import msgspec
import pytest

from trackway_collector.loader.loop import Loader
from trackway_collector.loader.verify import verify
from trackway_collector.spool import Checkpoint, save_checkpoint
from trackway_collector.spool.layout import segment_numbers
from trackway_collector.warehouse import QueryResult, Warehouse
from trackway_collector.warehouse.errors import Transient
from trackway_plan import Release, compile_release, load_plan

from .conftest import Pipeline, wait_for
from .test_loader import Picky, Unsteady, event

pytestmark = pytest.mark.parametrize("engine", ["chdb"], indirect=True)


def test_passed_segments_are_deleted_under_steady_load(pipeline: Pipeline) -> None:
    """There is always more to load, and still what is loaded makes room."""
    pipeline.spool([event("first")])
    loader = Loader(pipeline.warehouse, pipeline.spool_dir, grace_s=0)
    loader._stop.wait = lambda timeout=None: False  # type: ignore[method-assign]  # never idle
    numbers = iter(range(10_000))
    prepare = loader._prepare

    def always_more() -> Any:
        pipeline.spool([event(f"m-{next(numbers)}")])
        return prepare()

    loader._prepare = always_more  # type: ignore[method-assign]
    loader.start()
    wait_for(lambda: 1 not in segment_numbers(pipeline.spool_dir / "w0"), 20)
    loader.stop()

    assert not loader.died


def test_a_busy_spool_does_not_keep_another_waiting(pipeline: Pipeline) -> None:
    """Spools are served in turn, so each gets on while all have more than one chunk to give."""
    for number in range(3):
        for worker in ("w0", "w1", "w2"):
            pipeline.spool([event(f"{worker}-{number}")], worker=worker)
    loader = Loader(pipeline.warehouse, pipeline.spool_dir)

    served = [prepared.source.name[:2] for _ in range(9) if (prepared := loader._prepare()) is not None]
    loader.stop()

    assert served == ["w0", "w1", "w2"] * 3


class Away:
    """A warehouse whose answers to some queries fail at first."""

    def __init__(self, warehouse: Warehouse, word: str, times: int) -> None:
        self._warehouse = warehouse
        self._word = word
        self._times = times

    def __getattr__(self, name: str) -> Any:
        return getattr(self._warehouse, name)

    def query(self, sql: str, params: Any = None, settings: Any = None) -> QueryResult:
        """Answer, or fail while there are failures left for this query."""
        if self._word in sql and self._times:
            self._times -= 1
            raise Transient("nobody answers")
        return self._warehouse.query(sql, params, settings)


@pytest.mark.parametrize("word", ["AS recorded", "system.processes", "AS quarantined", "system.columns", "groupArray"])
def test_no_silence_at_the_start_ends_the_loader(pipeline: Pipeline, word: str) -> None:
    """Whichever question a starting loader finds unanswered, it asks again."""
    pipeline.spool([event(f"m-{n}") for n in range(5)])
    assert pipeline.load(Unsteady(pipeline.warehouse, "", "died")).died

    loader = pipeline.load(Away(pipeline.warehouse, word, 2))

    assert not loader.died
    assert pipeline.rows("message_id") == [(f"m-{n}",) for n in range(5)]
    assert pipeline.warehouse.query("SELECT count(), sum(events) FROM loads").rows == [(1, 5)]


class Slow:
    """A server that goes on with an insert whose sender has died; to cancel it comes too late."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self.running: dict[str, tuple[str, bytes]] = {}
        self.dies = True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._warehouse, name)

    def insert_rows(self, table: str, rows: bytes, *, token: str, query_id: str) -> None:
        """Take the rows and, the first time, lose the sender before they are in the table."""
        if self.dies:
            self.dies = False
            self.running[query_id] = (table, rows)
            raise RuntimeError("kill -9")
        self._warehouse.insert_rows(table, rows, token=token, query_id=query_id)

    def query(self, sql: str, params: Any = None, settings: Any = None) -> QueryResult:
        """Answer; of the processes, what this server is still working on."""
        if "system.processes" in sql:
            ids = [(query_id,) for query_id in self.running if query_id.startswith(params["prefix"])]
            return QueryResult(("query_id",), ("String",), ids)
        return self._warehouse.query(sql, params, settings)

    def query_is_running(self, query_id: str) -> bool:
        """Say whether the insert goes on."""
        return query_id in self.running

    def cancel_query(self, query_id: str) -> None:
        """End the insert, well."""
        table, rows = self.running.pop(query_id)
        self._warehouse.insert_rows(table, rows, token=query_id, query_id=query_id)


def test_a_restart_waits_for_what_the_dead_start_sent(pipeline: Pipeline) -> None:
    """Rows that a server stores after their sender has died are counted, not stored a second time."""
    pipeline.spool([event(f"m-{n}") for n in range(5)])
    slow: Any = Slow(pipeline.warehouse)
    assert pipeline.load(slow).died

    loader = pipeline.load(slow)
    for query_id in list(slow.running):
        slow.cancel_query(query_id)

    assert not loader.died
    assert pipeline.rows("message_id") == [(f"m-{n}",) for n in range(5)]
    assert [0] == [count.missing for count in verify(pipeline.warehouse, pipeline.spool_dir)]


def test_a_poison_row_keeps_everything(pipeline: Pipeline) -> None:
    """The payload of a row that the engine refused holds all of it, the name of a page as well as its times."""
    stamp = "2026-05-01T10:00:00.000001Z"
    page = {"type": "page", "messageId": "m", "userId": "lina", "name": "poison", "timestamp": stamp, "groupId": "g"}
    pipeline.spool([page])

    pipeline.load(Picky(pipeline.warehouse, b"poison"))

    ((payload, person),) = pipeline.rows("payload, person_id", "quarantine")
    kept = msgspec.json.decode(payload)
    assert (kept["name"], kept["group_id"], kept["original_timestamp"]) == ("poison", "g", "1777629600.000001")
    assert person == "lina"


@pytest.fixture
def scales(tmp_path: Path) -> Release:
    """A plan with one event and a number in it."""
    (tmp_path / "plan" / "events" / "a").mkdir(parents=True)
    (tmp_path / "plan" / "plan.yaml").write_text(
        "plan: scales\nformat: 1\nsources:\n  web: {kind: client, sdk: javascript}\non_violation: {unstamped: allow}\n"
    )
    (tmp_path / "plan" / "events" / "a" / "weighed.yaml").write_text(
        "event: weighed\nsummary: Something was weighed.\nowner: garden\nsent_by: [web]\n"
        "properties:\n  grams: {type: number, pii: none}\n"
    )
    return compile_release(load_plan(tmp_path / "plan"), rev=1)


def test_a_number_is_never_rounded(pipeline: Pipeline, scales: Release) -> None:
    """An integer beyond 2^53 in a number property is a misfit in exact digits, whichever way it was judged."""
    pipeline.release = scales
    stamp = "2026-05-01T10:00:00Z"
    exact, large = (event(f"m-{n}", event="weighed", timestamp=stamp, properties={"grams": n}) for n in (7, 2**53 + 1))

    pipeline.spool([exact, large])
    pipeline.load()

    assert pipeline.rows("verdict, properties.grams, misfits") == [
        ("ok", 7.0, {}),
        ("ok", None, {"grams": str(2**53 + 1)}),
    ]


def test_stopping_does_not_wait_for_a_back_off(pipeline: Pipeline) -> None:
    """A loader whose warehouse is away stops at once and leaves its threads behind nowhere."""
    pipeline.spool([event("m")])
    loader = Loader(Unsteady(pipeline.warehouse, *["refused"] * 1_000), pipeline.spool_dir)
    loader.start()
    wait_for(lambda: loader.error is not None, 10)

    loader.stop()

    assert "loader" not in {thread.name for thread in threading.enumerate()}


class Late:
    """A warehouse in which what an earlier start was inserting appears only after the keys have been read."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse

    def __getattr__(self, name: str) -> Any:
        return getattr(self._warehouse, name)

    def query(self, sql: str, params: Any = None, settings: Any = None) -> QueryResult:
        """Answer; of the stored keys, none."""
        found = self._warehouse.query(sql, params, settings)
        return QueryResult(found.columns, found.types, []) if "groupArray" in sql else found


def test_what_an_earlier_start_stored_late_is_known(pipeline: Pipeline) -> None:
    """An insert that ends while the next start reads what is stored doubles nothing when its events come again."""
    pipeline.spool([event(f"m-{n}") for n in range(5)] + [event("m-2")])
    assert pipeline.load(Unsteady(pipeline.warehouse, "died")).died
    pipeline.spool([event(f"m-{n}") for n in range(7)])

    pipeline.load(Late(pipeline.warehouse))

    assert sorted(pipeline.rows("message_id")) == [(f"m-{n}",) for n in range(7)]
    assert [0, 0] == [count.missing for count in verify(pipeline.warehouse, pipeline.spool_dir)]


def test_a_start_ends_the_inserts_of_an_earlier_one_before_it_reads_what_is_stored(pipeline: Pipeline) -> None:
    """Keys and sessions are read when nothing that an earlier start sent can change them any more."""
    asked: list[str] = []

    class Listening(Late):
        def query(self, sql: str, params: Any = None, settings: Any = None) -> QueryResult:
            asked.extend(word for word in ("system.processes", "groupArray", "'auto-'") if word in sql)
            return self._warehouse.query(sql, params, settings)

    pipeline.spool([event("a")])
    assert pipeline.load(Unsteady(pipeline.warehouse, "died")).died
    pipeline.load(Listening(pipeline.warehouse))

    assert asked[0] == "system.processes"
    assert {"groupArray", "'auto-'"} <= set(asked)


def test_a_full_disk_under_the_checkpoint_is_waited_for(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint that cannot be written ends nothing: loading goes on when there is room, each event once."""
    refusals = iter([ENOSPC, ENOSPC, None, EDQUOT])

    def save(directory: Path, checkpoint: Checkpoint) -> None:
        if (code := next(refusals, None)) is not None:
            raise OSError(code, "the disk says no")
        save_checkpoint(directory, checkpoint)

    monkeypatch.setattr("trackway_collector.loader.loop.save_checkpoint", save)
    pipeline.spool([event("a")])
    loader = pipeline.load()

    assert not loader.died
    assert loader.error is None
    assert loader.errors["OSError"] == 3
    assert pipeline.rows("message_id") == [("a",)]
    assert [0] == [count.missing for count in verify(pipeline.warehouse, pipeline.spool_dir)]
