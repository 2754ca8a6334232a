"""Drift tells what departs from the plan, what changed and who is given away, and ends in YAML to paste."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from tests.analytics.plan_data.conftest import NOW, ago, prop, release, rows
from tests.support.stored import TIME, store_events, store_quarantined
from trackway_analytics.plan_data.drift import Compared, drift
from trackway_analytics.plan_data.stored import Window
from trackway_collector.warehouse import Warehouse
from trackway_plan import Release
from trackway_plan.cli import plan
from trackway_plan.findings import Finding, Report
from trackway_plan.reports import FORMATS, render

BEFORE = ago(10)
PLAN = release(
    {
        "cart": {
            "platform": prop("choice", choices=["ios", "web"], required=True, pii="none"),
            "note": prop("string", pii="none"),
            "reach": prop("string", pii="contact"),
            "total": prop("number", pii="none"),
        }
    }
)


def report(warehouse: Warehouse, the_plan: Release = PLAN, **options: Any) -> Report:
    """The week before NOW against the plan and the week before that."""
    window = Window.last(timedelta(days=7), now=NOW)
    return drift(warehouse, Compared(the_plan, {}, window, window.before(timedelta(days=7))), **options)


def rules(found: Report) -> list[tuple[str, str]]:
    """(rule, property) of each finding."""
    return [(finding.rule, finding.path) for finding in found.findings]


def one(found: Report, rule: str) -> Finding:
    """The single finding of a rule."""
    (finding,) = [finding for finding in found.findings if finding.rule == rule]
    return finding


def cart(number: int) -> dict[str, Any]:
    """A cart that fits the plan; the same for the same number."""
    return {"platform": ("ios", "web")[number % 2], "total": random.Random(number).randrange(100)}


def test_a_quiet_week_raises_nothing(warehouse: Warehouse) -> None:
    """Events like last week's, all to the plan, are no findings, and there is no patch."""
    store_events(warehouse, rows(300, "cart", cart, received_at=BEFORE))
    store_events(warehouse, rows(300, "cart", lambda number: cart(number + 1000)))
    found = report(warehouse)
    assert found.findings == ()
    assert found.facts["patch"] == {}
    assert found.facts["comparisons"] > 0


def test_departures_count_exactly_and_suggest(warehouse: Warehouse) -> None:
    """A new choice, a new property, one missing, one of another type: how many, from whom, and what to write."""
    store_events(warehouse, rows(80, "cart", {"platform": "web"}))
    store_events(warehouse, rows(15, "cart", {"platform": "tv", "coupon": "SPRING"}, source="app", plan_rev=3))
    store_events(warehouse, rows(5, "cart", {}))
    payload = json.dumps({"type": "track", "event": "cart", "properties": {"platform": "web", "total": "much"}})
    quarantined = {"event": "cart", "received_at": ago(1), "payload": payload}
    store_quarantined(warehouse, [quarantined] * 10)
    found = report(warehouse)
    assert sorted(rules(found)) == [
        ("observed-missing-required", "platform"),
        ("observed-unplanned-property", "coupon"),
        ("observed-value-not-allowed", "platform"),
        ("observed-wrong-type", "total"),
    ]
    choice = one(found, "observed-value-not-allowed")
    assert "15 of 110 `cart` events (14 %)" in choice.message
    assert choice.evidence is not None
    assert (choice.evidence.by_source, choice.evidence.by_rev) == ({"app": 15}, {3: 15})
    (text,) = found.facts["patch"].values()
    assert yaml.safe_load(text)["properties"] == {
        "platform": {"choices": ["ios", "web", "tv"], "required": False},
        "coupon": {"type": "string"},
        "total": {"type": "string"},
    }


def test_a_group_is_told_once(warehouse: Warehouse) -> None:
    """A departure of a property that events share through a group is one finding, with the events in its data."""
    shared = {"platform": prop("choice", choices=["ios"], group="visit")}
    both = release({"cart": shared, "pay": shared})
    store_events(warehouse, [*rows(20, "cart", {"platform": "tv"}), *rows(10, "pay", {"platform": "tv"})])
    found = one(report(warehouse, both), "observed-value-not-allowed")
    assert "30 of 30 2 kinds of events" in found.message
    assert found.data == {"group": "visit", "events": ["cart", "pay"]}


def test_a_change_is_told_with_the_departure_or_alone(warehouse: Warehouse) -> None:
    """A value that is new and not allowed is one finding; numbers that move are one of their own."""
    store_events(warehouse, rows(400, "cart", cart, received_at=BEFORE))
    moved = {"platform": "tv", "total": 900}
    store_events(warehouse, rows(400, "cart", lambda number: cart(number) if number % 3 else moved))
    found = report(warehouse)
    assert sorted(rules(found)) == [("drift-quantiles", "total"), ("observed-value-not-allowed", "platform")]
    assert (
        'New: `platform` of `cart` has "tv", which did not come before' in one(found, "observed-value-not-allowed").hint
    )
    assert "p " in one(found, "drift-quantiles").message


def test_a_new_event_is_drafted_and_a_stopped_one_told(warehouse: Warehouse) -> None:
    """An event that the plan lacks comes with a draft of its file; one that no longer comes is told."""
    store_events(warehouse, rows(150, "cart", cart, received_at=BEFORE))
    store_events(warehouse, rows(30, "paid", {"n": 1}))
    found = report(warehouse)
    assert rules(found) == [("drift-event-stopped", ""), ("observed-unplanned-event", "")]
    (text,) = found.facts["patch"].values()
    assert yaml.safe_load(text)["properties"] == {"n": {"type": "int", "required": True}}


SECRETS = ("ida@example.org", "ida%40example.org", "4111111111111111", "+49 170 1234567")


def test_personal_data_where_the_plan_denies_it(warehouse: Warehouse) -> None:
    """`pii: none` that holds addresses is an error that says how many of how many from whom, and never which."""
    store_events(warehouse, rows(60, "cart", {"platform": "web", "note": "x", "reach": SECRETS[0]}))
    store_events(
        warehouse, rows(3, "cart", {"platform": "web", "note": f"https://x.example/?m={SECRETS[1]}"}, source="app")
    )
    store_events(warehouse, rows(4, "cart", {"platform": "web", "reach": SECRETS[2]}))
    store_events(warehouse, rows(5, "cart", {"platform": SECRETS[0]}))
    store_events(warehouse, rows(9, "cart", {"platform": "web", SECRETS[0]: SECRETS[3]}))
    store_events(warehouse, rows(8, SECRETS[0], {}))
    store_events(warehouse, rows(7, "cart", {"platform": "web"}, page_url=f"https://x.example/?tel={SECRETS[3]}"))
    found = report(warehouse)
    errors = {(finding.path, finding.after): finding for finding in found.findings if finding.rule == "pii-found"}
    assert set(errors) == {("note", "email"), ("platform", "email")}
    assert errors["note", "email"].message == (
        "3 of 3 values of `note` of `cart` from app hold e-mail addresses, and the plan says `pii: none`."
    )
    assert {(f.path, f.data["kind"], f.data["values"]) for f in found.findings if f.rule == "pii-suspect"} == {
        ("reach", "card", 4),
        ("(a name that holds email)", "phone", 9),
        ("context.page.url", "phone", 7),
    }
    for form in FORMATS:
        text = render(found, form)
        assert not any(secret in text for secret in (*SECRETS, "1234567"))


def test_order_numbers_are_no_cards(warehouse: Warehouse) -> None:
    """Random numbers with a card's looks pass its check digit now and then; that is no finding."""
    chance = random.Random(1)
    store_events(
        warehouse, rows(400, "cart", lambda number: {"platform": "web", "note": f"4{chance.randrange(10**15):015}"})
    )
    assert rules(report(warehouse)) == []


def test_a_sample_is_scaled_and_says_so(warehouse: Warehouse) -> None:
    """Of 6,000 events a sixth is looked at; counts are of all, and the evidence says the share."""
    store_events(warehouse, rows(6000, "cart", lambda number: {"platform": "tv" if number % 2 else "web"}))
    found = one(report(warehouse, sample=1000), "observed-value-not-allowed")
    assert found.evidence is not None
    assert found.evidence.sampled == pytest.approx(1 / 6)
    assert found.evidence.failing == pytest.approx(3000, rel=0.2)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A plan of one event as YAML."""
    (tmp_path / "plan.yaml").write_text("plan: shop\nformat: 1\nsources: {web: {}}\n")
    (tmp_path / "events" / "shop").mkdir(parents=True)
    event = "event: cart\nstatus: active\nproperties:\n  platform: {type: choice, choices: [ios, web], pii: none}\n"
    (tmp_path / "events" / "shop" / "cart.yaml").write_text(event)
    return tmp_path


def run(*arguments: str) -> Result:
    """`trackway plan drift …`."""
    return CliRunner().invoke(plan, ["drift", *arguments])


def test_command(warehouse: Warehouse, url: str, directory: Path) -> None:
    """0 when nothing drifts; 1 with findings at their place in the plan, in every format; the patch at the end."""
    now = f"{datetime.now(UTC) - timedelta(hours=1):{TIME}}"
    quiet = run(str(directory), "--warehouse", url)
    assert quiet.exit_code == 0
    assert "No events were received" in quiet.stdout
    store_events(warehouse, rows(20, "cart", {"platform": "tv"}, received_at=now))
    found = run(str(directory), "--warehouse", url)
    assert found.exit_code == 1
    where = directory / "events" / "shop" / "cart.yaml"
    assert f"{where}:4:3: warn[observed-value-not-allowed]" in found.stdout
    assert found.stdout.endswith("  platform: {choices: [ios, web, tv]}\n")
    assert run(str(directory), "--warehouse", url, "--fail-on", "error").exit_code == 0
    for form in FORMATS:
        assert run(str(directory), "--warehouse", url, "--format", form).exit_code == 1
    assert json.loads(run(str(directory), "--warehouse", url, "--format", "json").stdout)["patch"]
    old = run(str(directory), "--warehouse", url, "--window", "7d", "--baseline", "2026-01-01..2026-01-08")
    assert old.exit_code == 1


def test_exit_codes(directory: Path, tmp_path: Path) -> None:
    """2 for an option without sense, 3 for no plan, 4 for no answer: no answer never looks like no findings."""
    assert run(str(directory), "--window", "soon").exit_code == 2
    assert run(str(directory), "--baseline", "a..b").exit_code == 2
    assert run(str(tmp_path / "nowhere")).exit_code == 3
    assert run(str(directory), "--warehouse", "clickhouse://x@127.0.0.1:1/y").exit_code == 4
    assert run(str(directory), "--data-dir", str(tmp_path / "nowhere")).exit_code == 4
