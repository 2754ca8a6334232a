"""An event is renamed while old clients keep sending it: with `formerly` the funnel is whole, without it, it breaks."""

from __future__ import annotations

import base64
import json
import urllib.request
from pathlib import Path

import pytest

from tests.support.house import House, open_house, wait_for
from trackway_analytics import connect
from trackway_plan import load_plan, write_release

KEY = "shop-key"
HEAD = "plan: shop\nformat: 1\nsources:\n  shop: {kind: client}\non_violation: {unplanned_event: quarantine}\n"
OLD = "event: cart\nproperties:\n  total: {type: int, required: true}\n"
NEW = "event: basket_filled\nproperties:\n  amount: {type: int, required: true}\n"
FORMERLY = "formerly:\n  - {event: cart, through: 1}\n  - {property: total, now: amount, through: 1}\n"


def written(directory: Path, cart: str) -> Path:
    """The plan's directory with this as its first event, released."""
    for path in (directory / "events" / "shop").glob("*.yaml"):
        path.unlink()
    (directory / "events" / "shop").mkdir(parents=True, exist_ok=True)
    (directory / "plan.yaml").write_text(HEAD)
    (directory / "events" / "shop" / "cart.yaml").write_text(cart)
    (directory / "events" / "shop" / "bought.yaml").write_text("event: bought\n")
    write_release(load_plan(directory), directory)
    return directory


def send(house: House, person: str, event: str, properties: dict[str, int], message_id: str) -> None:
    """Send one event as a client that stamps no revision."""
    call = {"type": "track", "event": event, "userId": person, "messageId": message_id, "properties": properties}
    headers = {"Authorization": "Basic " + base64.b64encode(f"{KEY}:".encode()).decode()}
    body = json.dumps({"batch": [call | {"timestamp": f"2026-03-02T12:0{message_id[-1]}:00Z"}]}).encode()
    with urllib.request.urlopen(urllib.request.Request(f"{house.url}/v1/batch", body, headers), timeout=10) as answer:
        assert answer.status == 200


@pytest.mark.parametrize("formerly", [True, False])
def test_a_rename_while_old_clients_keep_sending(tmp_path: Path, formerly: bool) -> None:
    """With `formerly` ana, who sent the old name before, and bo, who still does, are in one funnel with chi."""
    plan, options = tmp_path / "plan", ("--write-key", f"shop={KEY}")
    written(plan, OLD)
    with open_house(tmp_path / "data", "--plan", str(plan), *options) as house:
        send(house, "ana", "cart", {"total": 10}, "ana-1")
        send(house, "ana", "bought", {}, "ana-2")
        wait_for(lambda: house.value("SELECT count() FROM events") == 2, 20, "ana's events are stored")
        house.stop()
    written(plan, NEW + FORMERLY * formerly)
    with open_house(tmp_path / "data", "--plan", str(plan), *options) as house:
        send(house, "bo", "cart", {"total": 20}, "bo-1")
        send(house, "bo", "bought", {}, "bo-2")
        send(house, "chi", "basket_filled", {"amount": 30}, "chi-1")
        both = "SELECT (SELECT count() FROM events) + (SELECT count() FROM quarantine)"
        wait_for(lambda: house.value(both) == 5, 20, "everything has arrived")

        with connect(f"chdb://{house.directory / 'chdb'}") as events:
            funnel = events.funnel("basket_filled", "bought", where="amount > 5 or event = 'bought'")
            assert list(funnel.df["users"]) == ([3, 2] if formerly else [1, 0])
            assert ("basket_filled includes cart" in funnel.semantics) is formerly
        assert house.value("SELECT count() FROM quarantine") == (0 if formerly else 1)
        assert house.value("SELECT count() FROM events WHERE event = 'cart'") == (2 if formerly else 1)
        flagged = "arrayExists(violation -> violation != 'unstamped', violations)"
        assert house.value(f"SELECT countIf({flagged}) FROM events") == 0  # noqa: S608
