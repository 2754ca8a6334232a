"""What breaks a client and what does not, where one word of a plan stands for another: unions, null, rules, senders."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tracking_plan.plans import EVENT, HEAD, broken, pair, tea
from trackway_plan.diff.releases import changes
from trackway_plan.findings import Audience, Severity

_RULES = """\
  method: {type: choice, choices: [card, wallet]}
  brand: {type: string}
  code: {type: string}
rules:
"""


def refusing(tmp_path: Path, before: str, after: str) -> list[str]:
    """The rules that say, as an error, that clients in the world do not fit any more."""
    found = broken(tmp_path, tea(before), tea(after))
    return [f.rule for f in found if f.audience is Audience.INGEST and f.severity is Severity.ERROR]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("{type: int}", "{type: [int, string], max: 3}"),
        ("{type: int, min: 0}", "{type: [number, string], min: 1}"),
        ("{type: [int, string]}", "{type: [number, string], max: 3}"),
        ("{type: string}", "{type: [int, string], max_length: 5}"),
        ("{type: choice, choices: [a, b]}", "{type: [choice, int], choices: [a]}"),
    ],
)
def test_a_wider_type_with_a_new_limit_refuses_values_that_fitted(tmp_path: Path, before: str, after: str) -> None:
    """A union that takes the old type, but not all of its values, is an error, and told once."""
    assert len(refusing(tmp_path, f"  cup: {before}\n", f"  cup: {after}\n")) == 1


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("{type: string, nullable: true}", "{type: any}"),
        ("{type: list, of: {type: string, nullable: true}}", "{type: list, of: any}"),
        ("{type: list}", "{type: list, of: any}"),
        ("{type: string}", "{type: string, min_length: 0}"),
        ("{type: list, of: int}", "{type: list, of: int, min_items: 0}"),
        ("{type: int}", "{type: int, multiple_of: 1}"),
        ("{type: int, max: 9}", "{type: [int, number], max: 10}"),
        ("{type: int, max: 9}", "{type: [int, string], max: 9}"),
        ("{type: choice, choices: [a]}", "{type: [choice, string], choices: [b]}"),
    ],
)
def test_what_lets_everything_through_that_it_did_refuses_nobody(tmp_path: Path, before: str, after: str) -> None:
    """`any` takes null, a list of anything is a list, and a limit that every value keeps is none."""
    found = broken(tmp_path, tea(f"  cup: {before}\n"), tea(f"  cup: {after}\n"))
    assert [f.rule for f in found if f.severity is Severity.ERROR] == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "{if: {method: wallet}, then_required: [brand, code]}",
            "{if: {method: wallet}, then_required: [code, brand]}",
        ),
        ("{if: {method: wallet}, then_required: [brand, code]}", "{if: {method: wallet}, then_required: [code]}"),
        ("{if: {method: [card, wallet]}, then_required: [code]}", "{if: {method: card}, then_required: [code]}"),
        ("{if: {method: wallet}, then_required: [code]}", "{if: {method: wallet, brand: x}, then_required: [code]}"),
    ],
)
def test_a_rule_that_asks_for_no_more_than_before_breaks_nothing(tmp_path: Path, before: str, after: str) -> None:
    """Another order, fewer properties and fewer cases ask nobody for more."""
    assert broken(tmp_path, tea(f"{_RULES}  - {before}\n"), tea(f"{_RULES}  - {after}\n")) == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("{if: {method: wallet}, then_required: [brand]}", "{if: {method: wallet}, then_required: [brand, code]}"),
        ("{if: {method: card}, then_required: [code]}", "{if: {method: [card, wallet]}, then_required: [code]}"),
        ("{if: {method: card, brand: x}, then_required: [code]}", "{if: {method: card}, then_required: [code]}"),
    ],
)
def test_a_rule_that_asks_for_more_is_an_error(tmp_path: Path, before: str, after: str) -> None:
    """One more property, one more case, one condition less."""
    assert refusing(tmp_path, f"{_RULES}  - {before}\n", f"{_RULES}  - {after}\n") == ["rule-added"]


def test_a_rule_about_what_was_required_anyway_breaks_nothing(tmp_path: Path) -> None:
    """Who had to send it in every case has to send it in one case."""
    required = _RULES.replace("code: {type: string}", "code: {type: string, required: true}")
    rule = "  - {if: {method: card}, then_required: [code]}\n"
    assert broken(tmp_path, tea(required.removesuffix("rules:\n")), tea(required + rule)) == []


def test_a_renamed_property_or_choice_takes_rules_and_once_per_along(tmp_path: Path) -> None:
    """A rule and `once_per` that name a property or a choice by its new name are the same as before."""
    tail = "once_per: [code]\n"
    before = tea(f"{_RULES}  - {{if: {{method: wallet}}, then_required: [code]}}\n", tail=tail)
    renamed = _RULES.replace("code:", "number:").replace(
        "[card, wallet]", "{card: A card, purse: {formerly: [wallet]}}"
    )
    after = tea(
        f"{renamed}  - {{if: {{method: purse}}, then_required: [number]}}\n",
        tail="once_per: [number]\nformerly: [{property: code, now: number}]\n",
    )
    assert {f.rule for f in broken(tmp_path, before, after)} == {"property-renamed", "choice-renamed"}


def test_once_per_in_another_order_is_the_same(tmp_path: Path) -> None:
    """What makes an event unique is a set."""
    two = "  cup: {type: int}\n  pot: {type: int}\n"
    assert broken(tmp_path, tea(two, tail="once_per: [cup, pot]\n"), tea(two, tail="once_per: [pot, cup]\n")) == []


def test_naming_every_source_takes_the_event_from_none(tmp_path: Path) -> None:
    """An event without `sent_by` is sent by all sources; naming all of them is the same."""
    assert broken(tmp_path / "all", tea(), tea(head="sent_by: [web, api]\n")) == []
    one = broken(tmp_path / "one", tea(), tea(head="sent_by: [web]\n"))
    assert {f.rule for f in one} == {"sender-removed"}


def test_a_former_name_that_means_another_property_now_is_a_loss(tmp_path: Path) -> None:
    """What old clients send as `sum` was the price, and becomes the tip: nobody may miss that."""
    two = "  price: {type: int}\n  tip: {type: int}\n"
    before, after = (tea(two, tail=f"formerly: [{{property: sum, now: {now}}}]\n") for now in ("price", "tip"))
    assert {(f.rule, f.path, f.before) for f in broken(tmp_path, before, after)} == {
        ("former-name-removed", "price", "sum")
    }


def test_an_event_that_is_folded_into_another_is_renamed(tmp_path: Path) -> None:
    """Two events become one: what clients send under the name that goes is judged as the one that stays."""
    gone = {"events/shop/tea_sold.yaml": "event: tea_sold\nproperties: {tea: {type: string}, %s: {type: int}}\n"}
    before = tea() | {path: text % "cups" for path, text in gone.items()}
    found = broken(tmp_path / "fits", before, tea("  tea: {type: string}\n  cups: {type: int}\n", head=_FOLDED))
    assert {(f.rule, f.before, f.after) for f in found} == {("event-renamed", "tea_sold", "tea_bought")}
    found = broken(tmp_path / "loses", before, tea("  tea: {type: int}\n", head=_FOLDED))
    assert ("type-changed", "tea_sold", "tea") in {(f.rule, f.event, f.path) for f in found}
    assert "event-removed" not in {f.rule for f in found}


_FOLDED = "formerly: [{event: tea_sold}]\n"


def test_a_change_inside_a_list_is_told_once(tmp_path: Path) -> None:
    """A list is not another type besides its items' being another."""
    items = "  cups: {type: list, of: %s}\n"
    found = changes(*(one.release for one in pair(tmp_path, tea(items % "int"), tea(items % "number"))))
    assert [(change.kind, change.path) for change in found] == [("type-widened", "cups[]")]


def test_a_source_is_shown_once(tmp_path: Path) -> None:
    """`before` and `after` of a finding about a source are its name."""
    less = {"plan.yaml": HEAD.replace(", api: {kind: server}", "")}
    found = broken(tmp_path, tea(), less | tea())
    assert {(f.rule, f.before, f.after) for f in found} == {("source-removed", "api", "")}


def test_a_hashed_number_says_which_columns(tmp_path: Path) -> None:
    """A hash is text, so the column changes; the finding names both types."""
    before, after = tea("  cups: {type: int}\n"), tea("  cups: {type: int, store: hash}\n")
    found = [f for f in broken(tmp_path, before, after) if f.rule == "column-changed"]
    assert [(f.before, f.after) for f in found] == [("int", "text")]
    assert EVENT in found[0].file


def test_saying_that_something_is_not_personal_is_an_edit_with_a_name(tmp_path: Path) -> None:
    """`pii: none` where nothing was said is told as an edit of `pii`."""
    before, after = tea("  cups: {type: int}\n"), tea("  cups: {type: int, pii: none}\n")
    found = changes(*(one.release for one in pair(tmp_path, before, after)))
    assert [(change.kind, change.detail) for change in found] == [("definition-edited", "pii")]
