"""What `breaking` goes by beside the catalogue: names, drafts, dates, history, definitions; and old bugs of others."""

from __future__ import annotations

import itertools
from datetime import date
from pathlib import Path

import pytest

from tests.tracking_plan.plans import EVENT, HEAD, TODAY, broken, pair, severities, tea, write_plan
from trackway_plan.breaking import findings
from trackway_plan.definitions import Definition, Use
from trackway_plan.diff.change import At
from trackway_plan.diff.properties import property_changes, type_change
from trackway_plan.diff.releases import changes
from trackway_plan.diff.similar import event_score, name_score, property_score
from trackway_plan.findings import Audience, Severity
from trackway_plan.loading.plan import load_plan
from trackway_plan.model import KINDS, PII_CLASSES, Choice, Place, PropertySpec
from trackway_plan.release import Release, write_release
from trackway_plan.revisions.named import open_revision


def asking(event: str, path: str = "", value: str | None = None) -> Definition:
    """A definition, in definitions/tea.yaml:3, that uses this event, property and value."""
    place = Place(file="definitions/tea.yaml", line=3, column=1)
    use = Use(role="step 1", events=(event,), property=path, values=() if value is None else (value,), place=place)
    return Definition(kind="funnel", name="tea", uses=(use,), place=place)


def test_more_former_names_are_a_superset_and_break_nothing(tmp_path: Path) -> None:
    """Aliases are a superset, not an equality: one more former name is no finding, one less is (buf#195)."""
    one = tea(tail="formerly:\n  - {event: tea_ordered, through: 2}\n")
    two = tea(tail="formerly:\n  - {event: tea_ordered, through: 2}\n  - {event: tea_paid, through: 1}\n")
    assert broken(tmp_path / "more", one, two) == []
    less = broken(tmp_path / "less", two, one)
    assert {(f.rule, f.before) for f in less} == {("former-name-removed", "tea_paid")}


def test_an_optional_property_on_an_open_event_is_no_break(tmp_path: Path) -> None:
    """What an open event could hold already is not broken by planning it as optional (Sentry#286)."""
    before = tea(head="open: true\n")
    after = tea("  tea: {type: string}\n  grams: {type: int}\n", head="open: true\n")
    assert broken(tmp_path, before, after) == []


def test_an_object_of_anything_that_mentions_keys_but_stays_open_is_no_break(tmp_path: Path) -> None:
    """`type: object` is an open object that mentions nothing."""
    before = tea("  box: {type: object}\n")
    after = tea("  box: {type: object, open: true, properties: {lid: {type: bool}}}\n")
    assert broken(tmp_path, before, after) == []


def test_a_group_change_is_one_finding_with_all_its_events(tmp_path: Path) -> None:
    """A property that a group of three events makes required is reported once for each audience, not three times."""
    events = {f"events/shop/{name}.yaml": f"event: {name}\ninclude: [money]\n" for name in ("cup", "pot", "tea")}
    group = "group: money\nproperties:\n  price: {type: int%s}\n"
    found = broken(
        tmp_path,
        events | {"groups/money.yaml": group % ""},
        events | {"groups/money.yaml": group % ", required: true"},
    )
    assert [(f.audience, f.data["events"]) for f in found] == [
        (Audience.SOURCE, ["cup", "pot", "tea"]),
        (Audience.INGEST, ["cup", "pot", "tea"]),
    ]


def test_a_group_that_one_event_newly_includes_is_that_events_change(tmp_path: Path) -> None:
    """The group is as it was; the finding names the event and stands at its `include`."""
    group = {"groups/money.yaml": "group: money\nproperties:\n  price: {type: int, required: true}\n"}
    pot = {"events/shop/pot.yaml": "event: pot\ninclude: [money]\n"}
    found = broken(tmp_path, group | pot | tea(), group | pot | tea(head="include: [money]\n"))
    assert {(f.rule, f.event, f.path) for f in found} == {("property-added-required", "tea_bought", "price")}
    assert found[0].line == 2


def test_a_rename_is_suggested_in_both_directions(tmp_path: Path) -> None:
    """What looks like a rename from A to B looks like one from B to A, events and properties alike."""
    one = tea("  tea: {type: string}\n  total: {type: decimal, min: 0, unit: EUR}\n") | {
        "events/shop/cup.yaml": "event: cup_broken\nproperties:\n  shards: {type: int}\n  glaze: {type: string}\n"
    }
    other = tea("  tea: {type: string}\n  amount: {type: decimal, min: 0, unit: EUR}\n") | {
        "events/shop/cup.yaml": "event: cup_dropped\nproperties:\n  shards: {type: int}\n  glaze: {type: string}\n"
    }
    before, after = pair(tmp_path, one, other)
    there = {(c.before, c.after) for c in changes(before.release, after.release) if c.kind == "possible-rename"}
    back = {(c.after, c.before) for c in changes(after.release, before.release) if c.kind == "possible-rename"}
    assert there == back == {("total", "amount"), ("cup_broken", "cup_dropped")}


def test_likeness_has_no_direction(tmp_path: Path) -> None:
    """Scores of names, properties and events are the same both ways round."""
    names = ["cart", "cart_viewed", "Basket Viewed", "茶", "", "x"]
    specs = [PropertySpec(kind="int", min=1), PropertySpec(kind="int"), PropertySpec(kind="string", pattern="a")]
    for a, b in itertools.product(names, names):
        assert name_score(a, b) == name_score(b, a)
    for one, two in itertools.product(specs, specs):
        assert property_score(one, "one", two, "other") == property_score(two, "other", one, "one")
    release = pair(tmp_path, tea(), {"events/shop/b.yaml": "event: pot_sold\n"})
    tea_bought, pot_sold = release[0].release.events["tea_bought"], release[1].release.events["pot_sold"]
    assert event_score(tea_bought, pot_sold) == event_score(pot_sold, tea_bought)


def test_releases_are_numbers_not_texts(tmp_path: Path) -> None:
    """Release 10 comes after release 9, in the history and in what is newest (iglu#478)."""
    from trackway_plan.commands.compare import History

    directory = write_plan(tmp_path, tea())
    for number in range(1, 11):
        write_plan(directory, tea(f"  tea: {{type: string, max_length: {number}}}\n"))
        write_release(load_plan(directory), directory)
    assert [release.rev for release in History(directory)] == list(range(10, 0, -1))
    assert open_revision("10", directory).release.rev == 10


def test_a_draft_may_change_as_it_likes(tmp_path: Path) -> None:
    """Nothing that happens to an event that was a draft is a finding, its removal and its release included."""
    draft = tea("  tea: {type: string}\n", head="status: draft\n")
    assert broken(tmp_path / "gone", draft, {}) == []
    assert broken(tmp_path / "active", draft, tea("  tea: {type: int, required: true}\n")) == []


def test_an_event_may_go_when_its_sunset_has_passed_and_it_was_retired(tmp_path: Path) -> None:
    """Retired and after `remove_after`: no ingest finding. A day before: an ingest error."""
    gone = {name: tea(head=f"status: retired\nremove_after: {name}\n") for name in ("2026-05-31", "2026-06-01")}
    passed = broken(tmp_path / "passed", gone["2026-05-31"], {})
    assert {f.rule for f in passed} == {"event-removed-after-sunset"}
    assert severities(passed, Audience.INGEST) == []
    waiting = broken(tmp_path / "waiting", gone["2026-06-01"], {})
    assert severities(waiting, Audience.INGEST) == [Severity.ERROR]


def test_without_evidence_a_deprecated_event_is_not_known_to_be_quiet(tmp_path: Path) -> None:
    """The day alone does not do: the message says that there is no evidence."""
    found = broken(tmp_path, tea(head="status: deprecated\nremove_after: 2026-05-31\n"), {})
    assert {f.rule for f in found} == {"event-removed"}
    assert "no evidence that it is quiet" in found[0].message


def test_a_passed_sunset_alone_is_no_finding(tmp_path: Path) -> None:
    """An event that outlives its sunset breaks nobody; an acceptance that outlives its day does (mozilla-vpn#9024)."""
    late = tea(head="status: deprecated\nremove_after: 2026-05-31\n")
    assert broken(tmp_path, late, late) == []


def test_a_name_of_an_old_release_does_not_come_back_with_another_meaning(tmp_path: Path) -> None:
    """`total` was a decimal in release 1, was removed, and is an int now: the history of releases remembers."""
    directory = write_plan(tmp_path / "plan", tea("  tea: {type: string}\n  total: {type: decimal}\n"))
    old, _ = write_release(load_plan(directory), directory)
    before, after = pair(tmp_path, tea(), tea("  tea: {type: string}\n  total: {type: int}\n"))
    assert {f.rule for f in findings(before, after, today=TODAY)} == set()
    found = findings(before, after, today=TODAY, history=[old])
    assert {f.rule for f in found} == {"name-reused"}
    assert "in rev 1 it was stored as decimal, now as int" in found[0].message
    same = pair(tmp_path / "same", tea(), tea("  tea: {type: string}\n  total: {type: decimal}\n"))
    assert findings(*same, today=TODAY, history=[old]) == []


def test_an_event_name_comes_back_only_with_what_it_carried(tmp_path: Path) -> None:
    """A removed event that returns with other properties is a reused name; with the same ones it is a new event."""
    directory = write_plan(tmp_path / "plan", tea("  tea: {type: string}\n  grams: {type: int}\n"))
    old, _ = write_release(load_plan(directory), directory)
    other = pair(tmp_path / "other", {}, tea("  floor: {type: string}\n  seat: {type: int}\n"))
    assert {f.rule for f in findings(*other, today=TODAY, history=[old])} == {"name-reused"}
    same = pair(tmp_path / "same", {}, tea("  tea: {type: string}\n  grams: {type: int}\n"))
    assert findings(*same, today=TODAY, history=[old]) == []


def test_query_findings_go_by_the_definitions(tmp_path: Path) -> None:
    """Referenced: an error that names the place. Not referenced: nothing. No definitions: a warning that says so."""
    before, after = pair(tmp_path, tea("  tea: {type: string}\n  grams: {type: int}\n"), tea())
    by_uses = {
        name: [f for f in findings(before, after, today=TODAY, definitions=uses) if f.audience is Audience.QUERY]
        for name, uses in {
            "used": [asking("tea_bought", "grams")],
            "other": [asking("tea_bought", "tea"), asking("pot_bought", "grams")],
            "none": None,
        }.items()
    }
    assert [(f.severity, "definitions/tea.yaml:3" in f.message) for f in by_uses["used"]] == [(Severity.ERROR, True)]
    assert by_uses["other"] == []
    assert [(f.severity, "no definitions" in f.message) for f in by_uses["none"]] == [(Severity.WARN, True)]


def test_a_removed_choice_breaks_the_filters_that_use_it(tmp_path: Path) -> None:
    """A filter for another choice of the same property goes on working."""
    before, after = pair(
        tmp_path,
        tea("  size: {type: choice, choices: [cup, pot]}\n"),
        tea("  size: {type: choice, choices: [cup]}\n"),
    )

    def query(value: str) -> list[Severity]:
        return severities(
            findings(before, after, today=TODAY, definitions=[asking("tea_bought", "size", value)]), Audience.QUERY
        )

    assert query("pot") == [Severity.ERROR]
    assert query("cup") == []


def test_the_plan_says_how_bad_it_may_be(tmp_path: Path) -> None:
    """`compatibility: {source: warn, ingest: off}` makes source errors warnings and hears nothing of ingest."""
    plan = {"plan.yaml": HEAD + "compatibility: {source: warn, ingest: off}\n"}
    found = broken(tmp_path, tea() | plan, tea("  tea: {type: string, required: true}\n") | plan)
    assert severities(found, Audience.SOURCE) == [Severity.WARN]
    assert severities(found, Audience.INGEST) == []


def test_a_change_does_not_open_its_own_gate(tmp_path: Path) -> None:
    """Making the gate milder in the change that needs it is an error of its own."""
    before = tea() | {"plan.yaml": HEAD + "compatibility: {ingest: error}\n"}
    after = tea("  tea: {type: string, required: true}\n") | {"plan.yaml": HEAD + "compatibility: {ingest: off}\n"}
    assert [f.rule for f in broken(tmp_path, before, after) if f.severity is Severity.ERROR] == [
        "property-became-required",
        "gate-loosened",
    ]


def test_a_fingerprint_outlives_moved_lines_and_other_words(tmp_path: Path) -> None:
    """A comment above and a new summary move and reword; the fingerprints stay."""
    before = tea("  grams: {type: int, max: 9}\n")
    plain = broken(tmp_path / "plain", before, tea("  grams: {type: int, max: 8}\n"))
    after = {EVENT: "# moved\n# down\n" + tea("  grams: {type: int, max: 8, summary: Dry.}\n")[EVENT]}
    moved = broken(tmp_path / "moved", before, after)
    assert [f.fingerprint for f in plain] == [f.fingerprint for f in moved]
    assert [f.line for f in plain] != [f.line for f in moved]


def test_fingerprints_tell_every_finding_apart(tmp_path: Path) -> None:
    """Two limits of one property that change by the same numbers are two findings to accept."""
    found = broken(
        tmp_path,
        tea("  cup: {type: string, min_length: 1, max_length: 9}\n"),
        tea("  cup: {type: string, min_length: 2, max_length: 8}\n"),
    )
    assert len({f.fingerprint for f in found}) == len(found) == 4


@pytest.mark.parametrize("kind", KINDS)
def test_a_type_is_wider_one_way_and_narrower_the_other(kind: str) -> None:
    """For every two kinds, what widens there narrows back, and what changes there changes back."""
    back = {
        "type-widened": "type-narrowed",
        "type-narrowed": "type-widened",
        "type-changed": "type-changed",
        "list-scalar-switch": "list-scalar-switch",
        "": "",
    }
    for other in KINDS:
        one, two = PropertySpec(kind=kind), PropertySpec(kind=other)
        assert type_change(two, one) == back[type_change(one, two)], (kind, other)


def test_texts_of_a_choice_fit_a_text_with_room_for_them() -> None:
    """From a choice to a string whose limits take every choice, nothing is tightened; one letter less, and it is."""
    was = PropertySpec(kind="choice", choices=(Choice(value="green"), Choice(value="black")))
    for length, kinds in ((5, ["type-widened"]), (4, ["type-widened", "constraint-tightened"])):
        now = PropertySpec(kind="string", max_length=length)
        found = property_changes({"tea": was}, {"tea": now}, At(event="e", keys=("events", "e")), {})
        assert [change.kind for change in found] == kinds


def test_bounds_of_decimals_are_compared_as_numbers(tmp_path: Path) -> None:
    """`"10"` is above `"9"`, and `"1.0"` is `"1"`."""
    found = broken(
        tmp_path, tea("  p: {type: decimal, max: 9, min: 1.0}\n"), tea("  p: {type: decimal, max: 10, min: 1}\n")
    )
    assert found == []


@pytest.mark.parametrize("pii", PII_CLASSES)
def test_dropping_a_pii_class_is_an_error(pii: str, tmp_path: Path) -> None:
    """Every class but `none` protects: giving it up needs an accepted entry."""
    found = broken(tmp_path, tea(f"  who: {{type: string, pii: {pii}}}\n"), tea("  who: {type: string}\n"))
    assert [f.rule for f in found] == ([] if pii == "none" else ["pii-lowered"])


def test_what_stays_the_same_is_no_change(tmp_path: Path) -> None:
    """A plan against itself, and against its own release file, has no changes."""
    directory = write_plan(tmp_path, tea(tail="formerly:\n  - {event: tea_ordered, through: 1}\n"))
    release, path = write_release(load_plan(directory), directory)
    assert path is not None
    assert changes(release, Release.load(path)) == []
    assert changes(open_revision(str(directory), directory).release, release) == []


def test_notice_is_counted_from_today(tmp_path: Path) -> None:
    """With 30 days of notice, a sunset in 29 days is too near and one in 30 is not."""
    plan = {"plan.yaml": HEAD + "compatibility: {notice_days: 30}\n"}
    sunset = "status: deprecated\nremove_after: 2026-07-01\n"
    before, after = pair(tmp_path, tea() | plan, tea(head=sunset) | plan)
    for today, expected in ((date(2026, 6, 1), False), (date(2026, 6, 2), True)):
        assert ("notice-too-short" in {f.rule for f in findings(before, after, today=today)}) is expected


@pytest.mark.parametrize(("policy", "severity"), [("flag", Severity.WARN), ("quarantine", Severity.ERROR)])
def test_what_the_policy_keeps_out_is_an_error_for_clients(tmp_path: Path, policy: str, severity: Severity) -> None:
    """A property that left the plan is a warning where it is only flagged, an error where its events are set aside."""
    head = {"plan.yaml": HEAD + f"on_violation: {{unplanned_property: {policy}}}\n"}
    before = head | tea("  tea: {type: string}\n  grams: {type: int}\n")
    found = findings(*pair(tmp_path, before, head | tea("  tea: {type: string}\n")), today=TODAY)
    assert severities(found, Audience.INGEST) == [severity]
