"""Impact: what a change of the plan does to the definitions that rest on it."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from trackway_plan.cli import plan as plan_command
from trackway_plan.definitions import load_definitions
from trackway_plan.impact.definitions import impact
from trackway_plan.loading.plan import load_plan
from trackway_plan.release import compile_release

PLAN = """plan: tea
format: 1
sources: {web: {}, app: {}}
"""
CART = """event: cart
sent_by: [web]
when: after the click
properties:
  price: {type: int, required: true, unit: minor, pii: none}
  kind: {type: choice, choices: [tea, gift], pii: none}
  email: {type: string, pii: contact}
  to: {type: object, properties: {city: {type: string, pii: none}}}
"""
FUNNEL = """funnel: buying
steps: [cart, {event: cart, where: 'kind = "gift" and price > 10 and to.city = "Łódź"'}]
breakdown: kind
"""


def plan_of(directory: Path, cart: str) -> Path:
    """Write a plan with this event."""
    (directory / "events" / "shop").mkdir(parents=True)
    (directory / "plan.yaml").write_text(PLAN, encoding="utf-8")
    (directory / "events" / "shop" / "cart.yaml").write_text(cart, encoding="utf-8")
    return directory


def effects(tmp_path: Path, after: str, definition: str = FUNNEL, before: str = CART) -> list[tuple[str, str, str]]:
    """Return rule, role and the reason of each finding."""
    (tmp_path / "definitions").mkdir()
    (tmp_path / "definitions" / "it.yaml").write_text(definition, encoding="utf-8")
    releases = [
        compile_release(load_plan(plan_of(tmp_path / name, text)), 1) for name, text in (("b", before), ("a", after))
    ]
    found = impact(releases[0], releases[1], load_definitions(tmp_path / "definitions"))
    return [
        (f.rule.removeprefix("definition-"), ", ".join(f.data["roles"]), f.message.partition("): ")[2]) for f in found
    ]


def test_an_unchanged_plan_touches_nothing(tmp_path: Path) -> None:
    """No change, no finding."""
    assert effects(tmp_path, CART) == []


def test_edits_of_text_touch_nothing(tmp_path: Path) -> None:
    """Summaries, owners, examples and optional properties change no answer."""
    after = CART + "  note: {type: string, pii: none}\nsummary: Put into the cart.\nowner: shop\n"
    assert effects(tmp_path, after) == []


def test_a_renamed_event_breaks_the_steps_that_name_it(tmp_path: Path) -> None:
    """Without `formerly` the funnel's steps find nothing any more: one finding, however many steps."""
    found = effects(tmp_path, CART.replace("event: cart", "event: cart_item_added"))
    assert found == [("breaks", "step 1, step 2", "`cart` is no longer in the plan.")]


def test_formerly_keeps_it_whole(tmp_path: Path) -> None:
    """With `formerly` every use of the old name is kept, and said to be."""
    after = CART.replace("event: cart", "event: cart_item_added") + "formerly: [{event: cart, through: 1}]\n"
    assert [(rule, role) for rule, role, _ in effects(tmp_path, after)] == [("kept-by-alias", "step 1, step 2")]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("price: {type: int", "cost: {type: int", ("breaks", "step 2", "`price` of `cart` is no longer in the plan.")),
        ("price: {type: int", "price: {type: number", ("changes-meaning", "step 2",
            "`price` of `cart` was int and is number.")),
        ("price: {type: int, required: true, unit: minor", "price: {type: string, required: true, unit: minor",
            ("breaks", "step 2", "`price` of `cart` was int and is text.")),
        ("required: true", "required: false", ("changes-meaning", "step 2", "`price` of `cart` may now be absent.")),
        ("unit: minor", "unit: major", ("changes-meaning", "step 2", "`price` of `cart` was in minor, now in major.")),
        ("[tea, gift]", "[tea]", ("breaks", "step 2", "`kind` of `cart` has no choice `gift` any more.")),
        ("[tea, gift]", "{tea: Tea, present: {formerly: [gift]}}", ("kept-by-alias", "step 2",
            "`kind` of `cart` has `present` for `gift`, and `formerly` resolves it.")),
        ("[tea, gift]", "[tea, gift, cup]", ("changes-meaning", "breakdown",
            "`kind` of `cart` has new choices: `cup`.")),
        ("city: {type: string", "town: {type: string", ("breaks", "step 2",
            "`to.city` of `cart` is no longer in the plan.")),
        ("after the click", "before the click", ("changes-meaning", "step 1, step 2",
            "`cart` is sent at another moment (`when` changed).")),
        ("[web]", "[web, app]", ("changes-meaning", "step 1, step 2", "`cart` was sent by web, now by app, web.")),
        ("event: cart", "event: cart\nstatus: retired", ("breaks", "step 1, step 2",
            "`cart` is retired, so that nothing new arrives.")),
        ("event: cart", "event: cart\nstatus: deprecated\nremove_after: 2027-01-31", ("will-break", "step 1, step 2",
            "`cart` is deprecated, to be removed after 2027-01-31.")),
    ],
)  # fmt: skip
def test_what_touches_a_definition(tmp_path: Path, old: str, new: str, expected: tuple[str, str, str]) -> None:
    """Each kind of change is told at the use it touches, with what was before and what is now."""
    assert expected in effects(tmp_path, CART.replace(old, new))


def test_all_that_happened_to_one_thing_is_one_finding(tmp_path: Path) -> None:
    """A new type, a new unit and a new name of one property are told together; the worst gives the rule."""
    after = CART.replace("price: {type: int, required: true, unit: minor", "cost: {type: decimal, unit: major")
    after += "formerly: [{property: price, now: cost}]\n"
    why = (
        "`price` of `cart` was int and is decimal; is now `cost`, and `formerly` resolves it; may now be absent; "
        "was in minor, now in major."
    )
    [(rule, role, text)] = effects(tmp_path, after)
    assert (rule, role) == ("breaks", "step 2")
    assert sorted(text.rstrip(".").removeprefix("`price` of `cart` ").split("; ")) == sorted(
        why.rstrip(".").removeprefix("`price` of `cart` ").split("; ")
    )
    assert text.startswith("`price` of `cart` was int and is decimal;")


def test_what_a_name_seems_to_be_called_now_is_in_the_hint(tmp_path: Path) -> None:
    """Where a removal and an addition look alike, the line to write names the new one."""
    (tmp_path / "definitions").mkdir()
    (tmp_path / "definitions" / "it.yaml").write_text(FUNNEL, encoding="utf-8")
    definitions = load_definitions(tmp_path / "definitions")
    hints = []
    for name, old, new in (("e", "event: cart", "event: cart_added"), ("p", "price:", "price_minor:")):
        before = compile_release(load_plan(plan_of(tmp_path / name / "before", CART)), 1)
        after = compile_release(load_plan(plan_of(tmp_path / name / "after", CART.replace(old, new))), 1)
        hints += [finding.hint for finding in impact(before, after, definitions)]
    assert hints == [
        "Add `formerly: [{event: cart}]` to `cart_added`, which looks like it, or change the definition.",
        "Add `formerly: [{property: price, now: price_minor}]` to the event, or change the definition.",
    ]


def test_when_in_other_punctuation_is_no_other_moment(tmp_path: Path) -> None:
    """Case, spaces and full stops change no meaning."""
    assert effects(tmp_path, CART.replace("after the click", "After the click.")) == []


def test_what_is_inside_a_renamed_object_moves_along(tmp_path: Path) -> None:
    """`to.city` is found in `address.city` when `to` is a former name of `address`."""
    after = CART.replace("  to: {", "  address: {") + "formerly: [{property: to, now: address}]\n"
    expected = "`to.city` of `cart` is now `address.city`, and `formerly` resolves it."
    assert effects(tmp_path, after) == [("kept-by-alias", "step 2", expected)]


def test_a_renamed_property_is_kept_by_its_alias(tmp_path: Path) -> None:
    """`formerly` of a property carries its filters over."""
    after = CART.replace("price:", "cost:") + "formerly: [{property: price, now: cost}]\n"
    expected = ("kept-by-alias", "step 2", "`price` of `cart` is now `cost`, and `formerly` resolves it.")
    assert effects(tmp_path, after) == [expected]


@pytest.mark.parametrize("store", ["drop", "hash"])
def test_not_storing_what_a_question_reads_breaks_it(tmp_path: Path, store: str) -> None:
    """A property that is no longer stored, or stored hashed, cannot be asked about as before."""
    after = CART.replace("pii: contact", f"pii: contact, store: {store}")
    [found] = effects(tmp_path, after, "funnel: f\nsteps: [cart]\nbreakdown: email\n")
    assert found[:2] == ("breaks", "breakdown")


def test_what_was_wrong_before_is_a_finding_of_its_own(tmp_path: Path) -> None:
    """A definition that names an unknown event or property gets the near match."""
    definition = "funnel: f\nsteps: [carts]\n"
    assert effects(tmp_path, CART, definition) == [
        ("names-nothing", "step 1", "`carts` is not in the plan. Did you mean `cart`?")
    ]


def test_a_definition_of_what_is_new_is_fine(tmp_path: Path) -> None:
    """A definition may come with the event and the property it asks about."""
    after = CART + "  size: {type: int, pii: none}\n"
    assert effects(tmp_path, after, "funnel: f\nsteps: [cart]\nwhere: size > 3\n") == []


def test_the_verb_compares_with_a_git_ref(tmp_path: Path) -> None:
    """`plan impact --against main` names the definitions a branch breaks, with their place, and exits 1."""
    root = tmp_path / "shop"
    plan_of(root / "tracking_plan", CART)
    (root / "definitions").mkdir()
    (root / "definitions" / "buying.yaml").write_text(FUNNEL, encoding="utf-8")
    for arguments in (["init", "-qb", "main"], ["add", "."], ["commit", "-qm", "plan"]):
        identity = ["-c", "user.name=Ana", "-c", "user.email=ana@example.com"]
        subprocess.run(["git", *identity, *arguments], cwd=root, check=True)
    cart = root / "tracking_plan" / "events" / "shop" / "cart.yaml"
    cart.write_text(CART.replace("event: cart", "event: cart_added"), encoding="utf-8")
    arguments = ["impact", str(root / "tracking_plan"), "--against", "main", "--format", "json"]
    result = CliRunner().invoke(plan_command, arguments)
    found = json.loads(result.output)["findings"]
    assert result.exit_code == 1
    assert {(f["rule"], f["file"], f["line"]) for f in found} == {
        ("definition-breaks", str(root / "definitions" / "buying.yaml"), 2)
    }
    shutil.rmtree(root / "definitions")
    assert CliRunner().invoke(plan_command, arguments).exit_code == 0


def test_an_event_folded_into_another_changes_what_that_one_counts(tmp_path: Path) -> None:
    """Who asks for the event that takes another in counts more from now on; who asks for the other is kept."""
    other = "event: basket\nsent_by: [web]\n"
    for name in ("b", "a"):
        directory = plan_of(tmp_path / name, CART)
        (directory / "events" / "shop" / "basket.yaml").write_text(other, encoding="utf-8")
    (tmp_path / "a" / "events" / "shop" / "basket.yaml").unlink()
    (tmp_path / "a" / "events" / "shop" / "cart.yaml").write_text(CART + "formerly: [{event: basket}]\n")
    (tmp_path / "definitions").mkdir()
    (tmp_path / "definitions" / "it.yaml").write_text("funnel: f\nsteps: [cart]\n", encoding="utf-8")
    releases = [compile_release(load_plan(tmp_path / name), 1) for name in ("b", "a")]
    [found] = impact(releases[0], releases[1], load_definitions(tmp_path / "definitions"))
    assert found.rule == "definition-changes-meaning"
    assert "now includes `basket`, which was an event of its own" in found.message
