"""The whole way, once: an app tracks, an analyst asks, and a mistake is explained."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.support.house import KEY, ROOT, SOURCE, environment, open_house, wait_for
from trackway import Tracker
from trackway_analytics import connect

PLAN = ROOT / "tracking_plan" / "examples" / "demo"


def test_an_event_reaches_the_funnel(tmp_path: Path) -> None:
    """What the SDK tracks is in the funnel's numbers moments later, asked from another process."""
    with open_house(tmp_path / "data") as house:
        with Tracker(KEY, host=house.url) as tracker:
            for person in ("ana", "bo", "chi"):
                tracker.track("cart", {"items": 1}, user_id=person)
            tracker.track("purchase", {"total": 12.5}, user_id="bo")
            assert tracker.flush(10)
            assert tracker.stats().acked == 4
        wait_for(lambda: house.value("SELECT count() FROM events") == 4, 10, "the events are stored")

        funnel = connect(f"chdb://{house.directory / 'chdb'}").funnel("cart", "purchase", within="1d", entry="first")

        assert list(funnel.df["users"]) == [3, 1]
        assert "cart → purchase" in funnel.semantics


def test_a_violation_is_explained(tmp_path: Path) -> None:
    """A wrong type reaches quarantine with a reason for people; a misspelt name gets a near match and a patch."""
    with open_house(tmp_path / "data", "--plan", str(PLAN), "--write-key", "shop=shop-key") as house:
        properties = {
            "platform": 7,
            "acquisition_channel": "email",
            "user_cohort": "2024-01",
            "user_lifecycle": "returning",
        }
        with Tracker("shop-key", host=house.url, on_violation="off") as tracker:
            tracker.track("cart", properties, user_id="ana")
            tracker.track("carts", {**properties, "platform": "desktop"}, user_id="ana")
        wait_for(lambda: house.value("SELECT count() FROM quarantine") == 1, 10, "the event is in quarantine")

        with house.warehouse() as warehouse:
            ((event, codes, reasons, payload),) = warehouse.query(
                "SELECT event, codes, reasons, payload FROM quarantine"
            ).rows
        tail = [sys.executable, "-m", "trackway", "tail", "--data-dir", str(house.directory), "--plan", str(PLAN)]
        shown = subprocess.run(
            [*tail, "--since", "60", "--count", "2"],
            capture_output=True, text=True, timeout=60, check=True, env=environment() | {"COLUMNS": "200"},
        ).stdout  # fmt: skip

    # The SDK had no plan to stamp the event with.
    assert (event, codes) == ("cart", ["wrong_type /platform", "unstamped"])
    assert "`platform`" in reasons[0]
    assert '"platform":7' in payload
    assert re.search(r"quarantined\s+cart", shown)
    assert re.search(r"flagged\s+carts", shown)
    assert "Did you mean `cart`?" in shown
    assert "event: carts" in shown
    assert f"sent_by: [{'shop'}]" in shown
    assert SOURCE not in shown
