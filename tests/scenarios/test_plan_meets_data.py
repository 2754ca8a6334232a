"""A running house's events, asked by the verbs that hold the plan against the data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
from click.testing import CliRunner, Result

from tests.support.house import ROOT, House, open_house, wait_for
from trackway_analytics.plan_data.evidence import open_evidence
from trackway_plan import load_plan
from trackway_plan.cli import plan
from trackway_plan.release import latest_release

STOREFRONT = ROOT / "tracking_plan" / "examples" / "storefront"


def order(number: int, **changes: Any) -> dict[str, Any]:
    """A track call of an order that fits the storefront's plan."""
    properties = {
        "order_id": f"A-{number}",
        "payment_method": "card" if number % 4 else "wallet",
        "wallet_brand": "apple",
        "delivery_on": "2026-12-01",
        "weight_kg": "1.50",
        "amount_minor": 2500 + number,
        "currency": "EUR",
        "items": [{"sku": "TEA-100", "quantity": 2, "price_minor": 1250}],
    }
    event = {"type": "track", "event": "order_completed", "userId": f"u{number}", "messageId": f"m{number}"}
    return event | {"properties": properties | changes}


def run(house: House, verb: str, *arguments: str) -> Result:
    """`trackway plan <verb> … --data-dir`, as another process asks the running store."""
    return CliRunner().invoke(plan, [verb, *arguments, "--data-dir", str(house.directory)])


def test_what_was_sent_is_what_is_judged(tmp_path: Path) -> None:
    """
    Sixty orders go in by HTTP and come back out as the same verdicts: none fails its own plan, a quarter fails one
    without wallets, the odd ones show in drift, and the draft of a plan has what was sent.
    """
    released = latest_release(STOREFRONT)
    assert released is not None
    order_spec = released.events["order_completed"]
    pay = order_spec.properties["payment_method"]
    fewer = msgspec.structs.replace(pay, choices=tuple(choice for choice in pay.choices if choice.value != "wallet"))
    narrower = msgspec.structs.replace(
        released,
        events=released.events
        | {
            "order_completed": msgspec.structs.replace(
                order_spec, properties={**order_spec.properties, "payment_method": fewer}
            )
        },
    )
    sent = [order(number) for number in range(60)]
    sent += [order(100 + number, voucher="SPRING", payment_method="card") for number in range(8)]
    sent += [order(200 + number, amount_minor="much") for number in range(6)]
    with open_house(tmp_path / "data", "--plan", str(STOREFRONT)) as house:
        assert house.post(sent)[0] == 200
        count = "SELECT (SELECT count() FROM events) + (SELECT count() FROM quarantine)"
        wait_for(lambda: house.value(count) == len(sent), 60, "all events are in the warehouse")

        evidence = open_evidence(f"chdb://{house.directory / 'chdb'}", 1)
        (same,) = evidence.failing(released, released, ["order_completed"]).values()
        assert (same.seen, same.fitting, same.failing.events) == (74, 68, 0)
        (hurt,) = evidence.failing(released, narrower, ["order_completed"]).values()
        assert {way: failing.events for way, failing in hurt.by_violation.items()} == {
            ("value_not_allowed", "payment_method"): 15
        }

        drifted = run(house, "drift", str(STOREFRONT), "--format", "json")
        assert drifted.exit_code == 1, drifted.output
        found = {
            (each["rule"], each["property"]): each["evidence"]["failing"]
            for each in json.loads(drifted.stdout)["findings"]
            if each["rule"].startswith("observed-") and each["rule"] != "observed-wrong-source"
        }
        assert found == {("observed-unplanned-property", "voucher"): 8, ("observed-wrong-type", "amount_minor"): 6}

        drafted = run(house, "infer", "--into", str(tmp_path / "draft"))
        assert drafted.exit_code == 0, drafted.output
        properties = load_plan(tmp_path / "draft").events["order_completed"].properties
        assert {"voucher", *order(0)["properties"]} == set(properties)
