"""A new release comes live while clients send: no request fails, and each event is judged by its own revision."""

from __future__ import annotations

import threading
import uuid
from pathlib import Path
from typing import Any

from tests.support.house import KEY, SOURCE, House, open_house, wait_for
from trackway import Tracker
from trackway_collector.warehouse import property_types
from trackway_plan import EventSpec, Plan, PropertySpec, Release, Source, compile_release

CLIENTS = 3


def tea(rev: int, **properties: str) -> Release:
    """A plan with one event that has these properties: name → kind."""
    specs = {name: PropertySpec(name=name, kind=kind) for name, kind in properties.items()}
    event = EventSpec(name="tea_poured", properties=specs)
    return compile_release(Plan(name="tea", sources={SOURCE: Source(name=SOURCE)}, events={event.name: event}), rev)


FIRST = tea(1, cups="int")
SECOND = tea(2, cups="int", minutes="number")


def release(plan: Path, frozen: Release) -> None:
    (plan / "releases").mkdir(parents=True, exist_ok=True)
    (plan / "releases" / f"{frozen.rev:04}.json").write_bytes(frozen.to_json())


def poured(of: Release, **properties: Any) -> dict[str, Any]:
    """An event stamped with a release."""
    return {
        "type": "track",
        "event": "tea_poured",
        "messageId": str(uuid.uuid4()),
        "userId": "ana",
        "timestamp": "2026-05-01T10:00:00Z",
        "properties": properties,
        "context": {"protocols": {"plan": of.name, "rev": of.rev, "hash": of.hash}},
    }


class Steady(threading.Thread):
    """A client that posts without pause and remembers every answer that is not 200."""

    def __init__(self, house: House) -> None:
        super().__init__(daemon=True)
        self.finish = threading.Event()
        self.sent = 0
        self.failed: list[object] = []
        self._house = house

    def run(self) -> None:
        while not self.finish.is_set():
            try:
                status, answer, _ = self._house.post([poured(FIRST, cups=1) for _ in range(20)])
            except OSError as error:
                status, answer = 0, {"error": repr(error)}
            if status != 200:
                self.failed.append((status, answer))
            self.sent += 20


def newest(house: House) -> int:
    line = next(line for line in house.get("/metrics")[1].splitlines() if line.startswith("trackway_plan_newest_rev"))
    return int(float(line.split()[1]))


def test_a_release_comes_live_under_load(tmp_path: Path) -> None:
    """
    While clients and an SDK of the first revision go on, a second one is released: nobody is turned away, new events
    are judged by the second, old ones by the first, and the new property has a typed column.
    """
    plan = tmp_path / "plan"
    release(plan, FIRST)
    with open_house(tmp_path / "data", "--plan", str(plan)) as house:
        clients = [Steady(house) for _ in range(CLIENTS)]
        for client in clients:
            client.start()
        with Tracker(KEY, host=house.url, plan=FIRST, source=SOURCE, on_violation="flag") as tracker:
            tracker.track("tea_poured", {"cups": 1}, user_id="sdk")
            assert house.post([poured(SECOND, cups=1, minutes=4.5)])[0] == 200  # nobody knows this stamp yet
            release(plan, SECOND)
            wait_for(lambda: newest(house) == SECOND.rev, 30, "the second release is live")
            assert house.post([poured(SECOND, cups=1, minutes=4.5)])[0] == 200
            assert house.post([poured(SECOND, cups=1, minutes="long")])[0] == 200
            tracker.track("tea_poured", {"cups": 2}, user_id="sdk")
            assert tracker.flush()
        for client in clients:
            client.finish.set()
        for client in clients:
            client.join(30)
        assert [client.failed for client in clients] == [[]] * CLIENTS
        events = sum(client.sent for client in clients) + 4
        wait_for(lambda: house.value("SELECT count() FROM events") == events, 60, "all events are stored")

        with house.warehouse() as warehouse:
            verdicts = warehouse.query(
                "SELECT plan_rev, validated_rev, verdict, toString(violations), count() FROM events"
                " GROUP BY ALL ORDER BY ALL"
            ).rows
            wrong = warehouse.query("SELECT plan_rev, validated_rev, codes FROM quarantine").rows
            wait_for(
                lambda: property_types(warehouse).get("minutes") == "Nullable(Float64)", 30, "it has a typed column"
            )
        assert verdicts == [
            (1, 1, "ok", "[]", events - 2),
            (2, 1, "flagged", "['unplanned_property /minutes','unstamped']", 1),
            (2, 2, "ok", "[]", 1),
        ]
        assert wrong == [(2, 2, ["wrong_type /minutes"])]
        assert house.stop() == 0


def test_a_bad_release_changes_nothing(tmp_path: Path) -> None:
    """A second file for a live number is refused and counted, and the collector goes on as it was."""
    plan = tmp_path / "plan"
    release(plan, FIRST)
    with open_house(tmp_path / "data", "--plan", str(plan)) as house:
        release(plan, tea(1, cups="string"))
        refused = 'trackway_plan_releases_refused_total{worker="w0"} 1.0'
        wait_for(lambda: refused in house.get("/metrics")[1], 30, "the file is refused")
        assert house.post([poured(FIRST, cups=1)])[0] == 200
        wait_for(lambda: house.value("SELECT count() FROM events WHERE verdict = 'ok'") == 1, 30, "it is stored")
        assert "0001.json is refused" in (tmp_path / "data.log").read_text()
