"""A drafted plan fits what it was drafted from, says how sure it is, and gives nobody away."""

from __future__ import annotations

import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.analytics.plan_data.conftest import NOW, rows
from tests.support.stored import store_events, store_quarantined
from trackway_analytics.plan_data.infer import Draft, WillNotOverwriteError, infer
from trackway_analytics.plan_data.restore import Restorer
from trackway_analytics.plan_data.stored import Shares, Window, observed, volumes
from trackway_collector.warehouse import Warehouse
from trackway_plan import Validator, compile_release, load_plan
from trackway_plan.cli import plan
from trackway_plan.model import EventSpec, PropertySpec

WINDOW = Window.last(timedelta(days=30), now=NOW)
CITIES = ("Graz", "Wien", "Linz")


def order(number: int) -> dict[str, Any]:
    """What a rich order holds; the same for the same number."""
    chance = random.Random(number)
    return {
        "order_id": f"A-{number}",
        "total": f"{chance.randrange(100, 99_999) / 100:.2f}",
        "version": f"2.{chance.randrange(10, 60)}",
        "n": number % 7,
        "weight": number if number % 2 else number + 0.5,
        "gift": number % 3 == 0,
        "at": "2026-11-01T10:00:00Z",
        "day": "2026-11-01",
        "month": f"2026-{number % 4 + 1:02}",
        "ref": f"019391f0-6a3b-7cc2-b1f4-{number:012}",
        "ship": {"city": CITIES[number % 3], **({"zip": str(8000 + number)} if number % 4 else {})},
        "items": [{"sku": f"S{item}", "price": 1.5} for item in range(number % 3 + 1)],
        "tags": ["new"] if number % 5 else [],
        **({"coupon": "SPRING"} if number % 10 == 0 else {}),
    }


def drafted(warehouse: Warehouse, **options: Any) -> Draft:
    """The draft of everything in the 30 days before NOW."""
    return infer(warehouse, WINDOW, **options)


def event(draft: Draft, name: str = "order") -> EventSpec:
    """One drafted event."""
    return draft.plan.events[name]


def property_of(warehouse: Warehouse, values: list[Any], **options: Any) -> tuple[PropertySpec, str]:
    """The guess about one property that held these values, and the text of its file."""
    store_events(warehouse, rows(len(values), "one", lambda number: {"x": values[number]}))
    draft = drafted(warehouse, **options)
    text = next(text for path, text in draft.files.items() if path.startswith("events/"))
    return event(draft, "one").properties["x"], text


def test_what_was_observed_fits_the_draft(warehouse: Warehouse, tmp_path: Path) -> None:
    """The written draft loads, and every event that it was drafted from is ok by it."""
    store_events(warehouse, rows(300, "order", order))
    store_events(
        warehouse, rows(60, "order", lambda number: {**order(number), "n": number, "extra": "x"}, source="app")
    )
    store_events(warehouse, rows(40, "cart", lambda number: {"n": number + 0.5, "total": number}))
    files = drafted(warehouse).write(tmp_path / "draft")
    assert {path.relative_to(tmp_path / "draft").as_posix() for path in files} == {
        "plan.yaml", "events/web/order.yaml", "events/web/cart.yaml"
    }  # fmt: skip
    release = compile_release(load_plan(tmp_path / "draft"), 1)
    validator = Validator(release)
    for name, volume in volumes(warehouse, WINDOW).items():
        for group in observed(warehouse, name, WINDOW, Restorer(None), Shares.of(volume, 1000)):
            assert validator.check_track(name, group.properties, group.source).outcome == "ok"


def test_kinds(warehouse: Warehouse) -> None:
    """Types, formats, lists, nested objects and choices are guessed; limits are not invented."""
    store_events(warehouse, rows(300, "order", order))
    found = event(drafted(warehouse)).properties
    assert {name: spec.kind for name, spec in found.items()} == {
        "order_id": "string", "total": "decimal", "version": "string", "n": "int", "weight": "number", "gift": "bool",
        "at": "timestamp", "day": "date", "month": "string", "ref": "string", "ship": "object", "items": "list",
        "tags": "list", "coupon": "string",
    }  # fmt: skip
    assert found["ref"].format == "uuid"
    assert found["ship"].properties is not None
    assert {choice.value for choice in found["ship"].properties["city"].choices} == set(CITIES)
    assert {name for name, spec in found.items() if not spec.required} == {"coupon"}
    assert not found["ship"].properties["zip"].required
    assert all(spec.min is None and spec.max is None and spec.max_length is None for spec in found.values())


def test_no_property_is_called_free_of_personal_data(warehouse: Warehouse) -> None:
    """No guess says `pii: none`, however plain the values."""
    store_events(warehouse, rows(300, "order", order))
    draft = drafted(warehouse)
    assert all(spec.pii is None for spec in event(draft).properties.values())
    body = "".join(text for path, text in draft.files.items() if path != "plan.yaml")
    assert "pii: none" not in body


def test_suspects_are_named_and_never_shown(warehouse: Warehouse, tmp_path: Path) -> None:
    """E-mail addresses make a property contact data; a few of them in other texts are a comment. None is printed."""
    link = "https://x.example/?m=ida%40example.org&n="
    store_events(warehouse, rows(200, "form", lambda number: {
        "mail": "ida@example.org", "ref": f"{link}{number % 5}", "ida@example.org": 1,
        "who": "Ida Berg" if number % 2 else "Jo Kern",
    }, person_id="ida"))  # fmt: skip
    draft = drafted(warehouse)
    found = event(draft, "form").properties
    assert found["mail"].pii == "contact"
    assert found["who"].kind == "string", "two values of one person are no choices"
    assert ("form", "mail") in draft.suspects
    everything = "".join(draft.files.values())
    assert "suspect: e-mail addresses in 200 of 200 from web" in everything
    assert not any(secret in everything for secret in ("ida@", "ida%40", "Berg", "Kern"))


def test_events_named_like_people_are_left_out(warehouse: Warehouse) -> None:
    """An event name that holds an address is counted and not printed; so are names that hardly came."""
    store_events(warehouse, [*rows(30, "invited ida@example.org", {}), *rows(30, "cart", {}), *rows(3, "rare", {})])
    draft = drafted(warehouse)
    assert (list(draft.plan.events), draft.hidden, draft.rare) == (["cart"], 1, 1)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, 2, 3] * 40, "int"),
        ([1, 2.5] * 40, "number"),
        (["a", 1] * 60, "union"),
        (["a", {"b": 1}] * 60, "any"),
        ([["a"], "a"] * 60, "any"),
        (["a", "b"] * 60, "choice"),
        (["a"] * 150 + ["typo"], "string"),
        (["x" * 200] * 40, "text"),
        ([{}] * 40, ""),
    ],
    ids=["int", "fractions", "text or int", "text or object", "list or text", "few", "one odd", "long", "empty"],
)
def test_mixed_values(warehouse: Warehouse, values: list[Any], kind: str) -> None:
    """What a property mostly holds becomes its type; a mixture becomes a union, or `any`."""
    if not kind:
        store_events(warehouse, rows(len(values), "one", lambda number: {"x": values[number]}))
        assert event(drafted(warehouse), "one").properties == {}, "an empty object is stored as absent"
        return
    assert property_of(warehouse, values)[0].kind == kind


def test_confidence_follows_the_number_of_events(warehouse: Warehouse) -> None:
    """30 events make a low guess; and of seven, always present does not mean required."""
    assert "low" in property_of(warehouse, [1] * 30)[1]
    store_events(warehouse, rows(7, "two", {"x": 1}))
    few = drafted(warehouse, minimum=5)
    assert not event(few, "two").properties["x"].required


def test_quarantined_events_count(warehouse: Warehouse) -> None:
    """What an older plan set aside is part of what clients send."""
    payload = '{"type": "track", "event": "one", "properties": {"x": "two"}}'
    received = rows(1, "one", {})[0]["received_at"]
    store_quarantined(warehouse, [{"event": "one", "received_at": received, "payload": payload}] * 30)
    assert property_of(warehouse, [1] * 90)[0].kind == "union"


def test_nothing_is_overwritten(warehouse: Warehouse, tmp_path: Path) -> None:
    """A folder with anything in it is refused, and stays as it was."""
    store_events(warehouse, rows(30, "cart", {}))
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(WillNotOverwriteError, match="overwrites nothing"):
        drafted(warehouse).write(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def run(*arguments: str) -> Result:
    """`trackway plan infer …`."""
    return CliRunner().invoke(plan, ["infer", *arguments])


def test_command(warehouse: Warehouse, url: str, tmp_path: Path) -> None:
    """The verb prints a draft or writes it; 3 when there is nothing to draft from, 2 for an option without sense."""
    assert run("--warehouse", url).exit_code == 3
    store_events(warehouse, [{"event": "cart", "properties": {"n": 1}}] * 30)
    printed = run("--warehouse", url)
    assert printed.exit_code == 0, printed.output
    assert "# ── events/web/cart.yaml" in printed.stdout
    assert run("--warehouse", url, "--into", str(tmp_path / "draft")).exit_code == 0
    assert load_plan(tmp_path / "draft").events.keys() == {"cart"}
    assert run("--warehouse", url, "--into", str(tmp_path / "draft")).exit_code == 3
    assert run("--warehouse", url, "--since", "soon").exit_code == 2


def test_no_warehouse_is_exit_code_4(tmp_path: Path) -> None:
    """A warehouse that does not answer is 4, an address that means nothing is 2."""
    assert run("--warehouse", "clickhouse://x@127.0.0.1:1/y").exit_code == 4
    assert run("--data-dir", str(tmp_path)).exit_code == 4
    assert run("--warehouse", "ftp://x").exit_code == 2
