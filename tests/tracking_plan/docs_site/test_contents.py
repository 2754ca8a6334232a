"""The site says of each event what the plan, its releases and the definitions say."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.tracking_plan.docs_site import plans
from trackway_plan.cli import plan as plan_command
from trackway_plan.definitions import load_definitions
from trackway_plan.docs_site import contents, page
from trackway_plan.loading.plan import load_plan
from trackway_plan.model import PropertySpec
from trackway_plan.release import Release, released_files


def site(directory: Path) -> dict[str, Any]:
    """The data of a plan's site."""
    releases = [Release.load(path) for path in released_files(directory).values()]
    definitions = load_definitions(directory / "definitions")
    return contents(load_plan(directory), releases, definitions, directory=directory)


def event(data: dict[str, Any], name: str) -> dict[str, Any]:
    """One event of the site."""
    [found] = [each for each in data["events"] if each["name"] == name]
    return dict(found)


def test_an_event_is_there_with_all_it_has() -> None:
    """Summary, moment, owner, senders, key, groups, former names, rules, examples, file."""
    order = event(site(plans.STOREFRONT), "order_completed")
    assert (order["owner"], order["sent_by"], order["once_per"]) == ("checkout-team", ("api",), ("order_id",))
    assert order["summary"] == "A payment was captured and the order has a number."
    assert order["when"] == "after the payment provider confirms; once per order"
    assert order["include"] == ("page_context", "money", "customer_order")
    assert order["formerly"] == [{"name": "purchase_complete", "through": 8}]
    assert order["rules"] == [{"when": {"payment_method": ['"wallet"']}, "then": ["wallet_brand"]}]
    assert json.loads(order["examples"][0])["amount_minor"] == 2500
    assert order["file"] == "events/checkout/order_completed.yaml"


def test_properties_are_rows_with_what_is_inside_them() -> None:
    """Own ones and those of groups, and the members of a list of objects by their paths."""
    rows = {row["path"]: row for row in event(site(plans.STOREFRONT), "order_completed")["properties"]}
    assert rows["items"]["type"] == "list of object"
    assert (rows["items"]["named"], rows["items"]["limits"]) == ("order_line", ["1 to 200 items"])
    assert (rows["items[].sku"]["depth"], rows["items[].sku"]["named"]) == (1, "sku")
    assert (rows["amount_minor"]["group"], rows["amount_minor"]["formerly"]) == ("money", ["total"])
    assert (rows["amount_minor"]["unit"], rows["amount_minor"]["required"]) == ("minor", True)
    assert rows["payment_method"]["choices"] == [
        {"value": "card", "summary": "Any card scheme"},
        {"value": "wallet", "summary": "Apple Pay or Google Pay", "formerly": ["applepay"]},
    ]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (PropertySpec(kind="int", min=0), ("int", ["at least 0"])),
        (PropertySpec(kind="number", min=-1.5, max=2), ("number", ["-1.5 to 2"])),
        (PropertySpec(kind="string", min_length=2, max_length=2), ("string", ["exactly 2 characters"])),
        (PropertySpec(kind="int", multiple_of=5), ("int", ["multiple of 5"])),
        (PropertySpec(kind="string", format="email"), ("string", ["format email"])),
        (PropertySpec(kind="list"), ("list of anything", [])),
        (PropertySpec(kind="object"), ("object of anything", [])),
        (
            PropertySpec(kind="list", of=PropertySpec(kind="string", pattern="a|b"), max_items=3),
            ("list of string", ["at most 3 items", "each pattern a|b"]),
        ),
        (
            PropertySpec(kind="union", any_of=(PropertySpec(kind="int", max=9), PropertySpec(kind="date"))),
            ("int or date", ["at most 9"]),
        ),
    ],
)
def test_types_and_limits_in_words(spec: PropertySpec, expected: tuple[str, list[str]]) -> None:
    """Each constraint of the language has its words."""
    from trackway_plan.docs_site.properties import rows

    [row] = rows({"it": spec})
    assert (row["type"], row.get("limits", [])) == expected


def test_history_follows_an_event_through_its_names(tmp_path: Path) -> None:
    """Newest first: what is not released yet, the rename with its revision and day, and the first revision."""
    data = site(plans.storefront(tmp_path))
    told = [(entry["rev"], entry["date"], entry["what"]) for entry in event(data, "product_page_viewed")["history"]]
    assert told == [
        (0, "", ["`rating` of `product_page_viewed`: `max` was 5 and is now 10."]),
        (3, "2026-12-24", ["`product_viewed` is now called `product_page_viewed`."]),
        (1, "2026-11-22", ["In the first revision."]),
    ]
    assert data["plan"] | {"summary": "", "policy": {}} == {
        "name": "storefront", "summary": "", "rev": 3, "date": "2026-12-24", "unreleased": True, "policy": {},
    }  # fmt: skip
    order = event(data, "order_completed")["history"]
    assert [entry["rev"] for entry in order] == [2, 1]
    assert order[0]["what"][0].startswith("`tax_minor` of group `money` is a new optional property (int).")
    assert [(entry["rev"], entry["events"]) for entry in data["log"]] == [
        (0, ["product_page_viewed"]), (3, ["product_page_viewed", "product_seen"]), (2, ["order_completed"]), (1, []),
    ]  # fmt: skip


def test_a_plan_without_releases_or_definitions_has_a_site(tmp_path: Path) -> None:
    """Nothing was released, so all of it is new; nothing rests on it."""
    data = site(plans.large(tmp_path, events=2, properties=1))
    assert data["plan"]["unreleased"]
    assert [entry["what"] for entry in event(data, "thing_0000_done")["history"]] == [["New."]]
    assert "used_by" not in event(data, "thing_0000_done")


def test_used_by_names_the_places_in_definitions(tmp_path: Path) -> None:
    """Each definition once, with its uses; a former name of the event counts as the event."""
    data = site(plans.storefront(tmp_path))
    assert event(data, "order_completed")["used_by"] == [
        {"kind": "attribution", "name": "campaigns", "roles": ["conversion", "value: amount_minor"]},
        {"kind": "funnel", "name": "checkout", "roles": ["step 3"]},
        {"kind": "metric", "name": "order_value", "roles": ["event", "of: amount_minor"]},
        {"kind": "retention", "name": "repurchase", "roles": ["start", "return", "where: payment_method"]},
    ]
    assert event(data, "product_page_viewed")["used_by"] == [
        {"kind": "funnel", "name": "checkout", "roles": ["step 1"]}
    ]


def test_a_definition_is_told_as_its_options() -> None:
    """Each step is a line of its own."""
    [checkout] = [each for each in site(plans.STOREFRONT)["definitions"] if each["name"] == "checkout"]
    steps = ["product_viewed", 'event: cart_item_added, where: added_from != "wish_list"', "order_completed"]
    assert checkout["options"] == {"steps": steps, "within": ["7d"], "entry": ["first"]}


class Elements(HTMLParser):
    """The elements of a page, and the text of the data."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.data = ""
        self._in_data = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._in_data = dict(attrs).get("id") == "data"

    def handle_endtag(self, tag: str) -> None:
        self._in_data = False

    def handle_data(self, data: str) -> None:
        self.data += data if self._in_data else ""


def test_no_text_of_a_plan_becomes_an_element(tmp_path: Path) -> None:
    """A hostile plan gives the same elements as a harmless one, and its texts stand in the data unchanged."""
    pages = [Elements(), Elements()]
    data = site(plans.hostile(tmp_path / "hostile"))
    pages[0].feed(page(data))
    pages[1].feed(page(site(plans.large(tmp_path / "large", events=1))))
    assert [tag for tag, _ in pages[0].tags] == [tag for tag, _ in pages[1].tags]
    assert json.loads(pages[0].data)["plan"]["name"] == plans.EVIL
    assert {each["name"] for each in json.loads(pages[0].data)["events"]} >= {plans.ARABIC, plans.CLOSER, plans.EMOJI}


def test_the_page_asks_for_nothing_outside_itself() -> None:
    """No element names another file or address, and the policy allows nothing but the page's own style and script."""
    found = Elements()
    found.feed(page(site(plans.STOREFRONT)))
    outside = [
        (tag, name) for tag, attributes in found.tags for name in attributes if name in ("src", "srcset", "data")
    ]
    assert outside == []
    assert {attributes.get("href", "#") for _, attributes in found.tags} <= {"#", "#main"}
    [policy] = [a["content"] or "" for _, a in found.tags if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy


def test_a_mark_that_turns_text_stays_visible_in_examples() -> None:
    """What a reader could not see stands as JSON's own escape, so that the copied example is the same data."""
    from trackway_plan.docs_site.contents import example_text

    text = example_text({"file": plans.TURNED})
    assert "\\u202e" in text
    assert json.loads(text) == {"file": plans.TURNED}


def test_equal_plans_give_equal_bytes(tmp_path: Path) -> None:
    """Wherever the plan's directory is and whenever the site is made; one event is one line."""
    texts = []
    for name in ("one", "two"):
        root = plans.storefront(tmp_path / name)
        out = tmp_path / f"{name}.html"
        result = CliRunner().invoke(plan_command, ["docs", str(root), "--out", str(out)])
        assert result.exit_code == 0, result.output
        texts.append(out.read_bytes())
    assert texts[0] == texts[1]
    assert str(tmp_path).encode() not in texts[0]
    assert sum(line.startswith(b'{"name":"order_completed"') for line in texts[0].splitlines()) == 1


def test_a_large_plan_stays_a_file_that_browsers_open(tmp_path: Path) -> None:
    """1,000 events with 20 properties are under 4 MB."""
    assert len(page(site(plans.large(tmp_path))).encode()) < 4_000_000


def test_the_verb_writes_a_file_or_into_a_directory(tmp_path: Path) -> None:
    """A name that ends in .html is the file; any other is a directory for index.html."""
    runner = CliRunner()
    for out, written in (("a/plan.html", "a/plan.html"), ("site", "site/index.html")):
        result = runner.invoke(plan_command, ["docs", str(plans.STOREFRONT), "--out", str(tmp_path / out)])
        assert result.exit_code == 0
        assert (tmp_path / written).read_text(encoding="utf-8").startswith("<!doctype html>")
        assert result.output.startswith(f"{tmp_path / written}: storefront, 4 events, ")


def test_links_to_files_take_addresses_of_the_web_only(tmp_path: Path) -> None:
    """`--source-url` is put into links, so `javascript:` is refused."""
    arguments = ["docs", str(plans.STOREFRONT), "--out", str(tmp_path / "plan.html"), "--source-url"]
    assert CliRunner().invoke(plan_command, [*arguments, "javascript:alert(1)"]).exit_code == 2
    assert CliRunner().invoke(plan_command, [*arguments, "https://example.com/plan/"]).exit_code == 0
    assert '"source_url":"https://example.com/plan"' in (tmp_path / "plan.html").read_text(encoding="utf-8")


def test_a_plan_that_cannot_be_loaded_exits_3(tmp_path: Path) -> None:
    """No plan, no site."""
    assert CliRunner().invoke(plan_command, ["docs", str(tmp_path), "--out", str(tmp_path / "x.html")]).exit_code == 3
