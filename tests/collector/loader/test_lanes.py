"""Live events are loaded before those of long ago, and neither lane starves the other."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from trackway_collector.loader.loop import Loader
from trackway_collector.loader.sources import LIVE_IN_A_ROW, Sources, is_historical
from trackway_collector.spool import load_checkpoint
from trackway_collector.spool.layout import spool_name

from .conftest import Pipeline

NAMES = ("w0", "w1", "w0-history", "import-2019", "old-w0-history")


def opened(directory: Path) -> Any:
    """A source of which only the directory matters."""
    return SimpleNamespace(reader=SimpleNamespace(directory=directory))


def order_of_service(directory: Path, waiting: dict[str, int]) -> list[str]:
    """Serve spools with so many chunks each until nothing waits."""
    for name in waiting:
        spool_name(directory / name)
    sources, served = Sources(directory, 0), []
    left = dict(waiting)
    while any(left.values()):
        source = next(s for s in sources.in_turn(opened) if left[s.reader.directory.name])
        name = source.reader.directory.name
        left[name] -= 1
        sources.served(source)
        served.append(name)
    return served


@settings(deadline=None)  # each name is an fsync
@given(st.dictionaries(st.sampled_from(NAMES), st.integers(0, 40), min_size=1))
def test_no_lane_starves_the_other(tmp_path_factory: Any, waiting: dict[str, int]) -> None:
    """While both lanes have chunks, each history chunk comes after exactly seven live ones; every chunk is served."""
    served = order_of_service(tmp_path_factory.mktemp("spool"), waiting)

    assert {name: served.count(name) for name in waiting} == waiting
    live = [not is_historical(Path(name)) for name in served]
    both_wait = min(max((n for n, is_live in enumerate(live) if is_live == lane), default=0) for lane in (True, False))
    assert live[:both_wait] == [n % (LIVE_IN_A_ROW + 1) != LIVE_IN_A_ROW for n in range(both_wait)]


def test_spools_of_one_lane_take_turns(tmp_path: Path) -> None:
    """Within a lane the spool that was served last waits until the others have had their turn."""
    served = order_of_service(tmp_path, {"w0": 8, "w1": 8, "w0-history": 2, "import-2019": 2})

    assert [name for name in served if name.startswith("w") and not name.endswith("history")] == ["w0", "w1"] * 8
    assert [name for name in served if is_historical(Path(name))] == ["import-2019", "w0-history"] * 2


def test_history_that_waits_does_not_delay_what_happens_now(pipeline: Pipeline) -> None:
    """Events of now that come after an import are stored before it."""
    for number in range(4):
        pipeline.spool([{"type": "track", "event": "old", "userId": f"u-{number}"}] * 3, worker="w0-history")
    pipeline.spool([{"type": "track", "event": "now", "userId": "lina"}])

    loader = Loader(pipeline.warehouse, pipeline.spool_dir)
    served = [prepared.source.reader.directory.name for _ in range(5) if (prepared := loader._prepare()) is not None]
    loader.stop()

    assert served == ["w0"] + ["w0-history"] * 4


def test_a_spool_that_nobody_writes_any_more_is_loaded_and_stays_empty(pipeline: Pipeline) -> None:
    """Spools of workers that are gone and of another machine are adopted: loaded once, whatever their folder's name."""
    names = ("w0", "w7", "w7-history", "old-w0")
    for number, worker in enumerate(names):
        pipeline.spool(
            [{"type": "track", "event": "left", "userId": f"u-{number}", "messageId": f"m-{number}"}], worker=worker
        )

    pipeline.load()
    positions = [load_checkpoint(pipeline.spool_dir / name) for name in names]
    pipeline.load()

    assert len(pipeline.rows("message_id")) == 4
    assert [load_checkpoint(pipeline.spool_dir / name) for name in names] == positions
