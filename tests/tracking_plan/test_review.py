"""`trackway plan review`: one verdict on a change of the plan, and the comment under the pull request."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.support.git import Repository
from tests.tracking_plan.review_cases import GOLDEN, TODAY, StoredEvents, behind
from trackway_plan.cli import plan
from trackway_plan.findings import Severity
from trackway_plan.review import CHECKS, Context, Setting, report_of, review
from trackway_plan.review.comment import MOST_CHARACTERS, comment, marker

STOREFRONT = Path(__file__).parents[2] / "tracking_plan" / "examples" / "storefront"


@pytest.mark.parametrize("name", sorted(path.name for path in GOLDEN.iterdir()))
def test_golden_comment(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each folder in tests/golden/review has the comment on going from `before` to `after`."""
    monkeypatch.chdir(GOLDEN / name)
    context = Context(Setting(Path("after"), "before", TODAY, StoredEvents(), behind))
    parts = review(context)
    text = comment(context, parts, report_of(context, parts))
    expected = Path("comment.md")
    if os.environ.get("TRACKWAY_UPDATE_GOLDEN"):
        expected.write_text(text, encoding="utf-8")
    assert text == expected.read_text(encoding="utf-8")


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """A repository with the example plan on main, and a branch to change it on; the work happens there."""
    shutil.copytree(STOREFRONT, tmp_path / "tracking_plan")
    repository = Repository(tmp_path)
    repository.commit()
    repository.branch("change")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TRACKWAY_WAREHOUSE", raising=False)
    return repository


def run(*arguments: str) -> Result:
    return CliRunner().invoke(plan, ["review", "--against", "main", "--today", TODAY.isoformat(), *arguments])


def edit(name: str, old: str, new: str) -> None:
    path = Path("tracking_plan") / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_a_change_of_nothing_passes(repository: Repository) -> None:
    """The verdict is one line, which names what could not be looked at."""
    result = run()
    assert result.exit_code == 0, result.output
    assert result.output.startswith("storefront: main → tracking_plan: nothing found. no evidence; 4 definitions; ")
    assert "generate was not run: no generated clients are configured" in result.output


def test_json_names_every_check(repository: Repository) -> None:
    """What was skipped is there with its reason, and the verdict is a word."""
    edit("groups/money.yaml", "min: 0", "min: 1")
    answer = json.loads(run("--format", "json").output)
    assert answer["verdict"] == "fail"
    assert [check["name"] for check in answer["checks"]] == [check.name for check in CHECKS]
    assert {check["name"] for check in answer["checks"] if check["skipped"]} == {"generate", "clients"}


def test_annotations_stand_at_the_changed_lines(repository: Repository) -> None:
    """With --format github the finding is at the line of the change, seen from the top of the repository."""
    edit("groups/money.yaml", "min: 0", "min: 1")
    line = run("--format", "github").output.splitlines()[0]
    assert line.startswith("::error file=tracking_plan/groups/money.yaml,line=4,col=3,title=constraint-tightened")


def test_what_others_merged_meanwhile_is_no_part_of_the_change(repository: Repository) -> None:
    """A branch is compared with where it left main, or every new event on main would look removed by it."""
    repository("switch", "--quiet", "main")
    shutil.copy("tracking_plan/events/browse/product_viewed.yaml", "tracking_plan/events/browse/product_shared.yaml")
    edit("events/browse/product_shared.yaml", "event: product_viewed", "event: product_shared")
    repository.commit()
    repository("switch", "--quiet", "change")
    result = run()
    assert (result.exit_code, "nothing found" in result.output) == (0, True), result.output


def test_a_plan_that_is_not_valid_stops_what_rests_on_it(repository: Repository) -> None:
    """The problems are reported, releases are still proved, and the rest says why it was not run."""
    edit("groups/money.yaml", "type: int", "type: money")
    result = run()
    assert result.exit_code == 1
    assert "tracking_plan/groups/money.yaml:4:24: error[invalid]:" in result.output
    assert "breaking was not run: the plan is not valid" in result.output


def test_the_first_plan_of_a_repository_breaks_nothing(repository: Repository) -> None:
    """Where the base branch has no plan there is nothing to compare with, and the review says so."""
    repository("switch", "--quiet", "--orphan", "empty")
    repository("commit", "--quiet", "--allow-empty", "--message", "nothing yet")
    repository("switch", "--quiet", "change")
    repository("rebase", "--quiet", "--onto", "empty", "--root")
    result = CliRunner().invoke(plan, ["review", "--against", "empty", "--today", TODAY.isoformat()])
    assert result.exit_code == 0, result.output
    assert "breaking was not run: empty has no plan at tracking_plan yet" in result.output


def test_a_release_that_was_edited_fails_the_review(repository: Repository) -> None:
    """Immutability is part of the verdict."""
    edit("releases/0001.json", '"max": 999', '"max": 998')
    result = run()
    assert (result.exit_code, "error[release-damaged]" in result.output) == (1, True)


def test_an_accepted_break_passes_with_its_definitions(repository: Repository) -> None:
    """What accepted.yaml lets pass does not fail again because a definition names it."""
    Path("tracking_plan/events/checkout/cart_item_added.yaml").unlink()
    rows = json.loads(run("--format", "json").output)["findings"]
    wanted = [row["fingerprint"] for row in rows if row["rule"] == "event-removed" and row["severity"] == "error"]
    accepted = CliRunner().invoke(
        plan,
        ["accept", *wanted, "--against", "main", "--reason", "gone", "--until", "2027-01-31", "--today", "2026-11-22"],
    )
    assert accepted.exit_code == 0, accepted.output
    result = run("--comment", "comment.md")
    assert result.exit_code == 0, result.output
    assert "### Accepted" in Path("comment.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--against", "nowhere"], 3),
        (["elsewhere", "--against", "main"], 3),
        (["--against", "main", "--evidence", "soon"], 2),
        (["--against", "main", "--evidence", "14d"], 2),
        ([], 2),
    ],
)
def test_what_cannot_be_reviewed_is_said(repository: Repository, arguments: list[str], code: int) -> None:
    """An unknown ref or directory cannot be loaded; evidence without days or a warehouse is a mistake of usage."""
    assert CliRunner().invoke(plan, ["review", *arguments]).exit_code == code


def test_a_comment_fits_into_what_github_takes(repository: Repository) -> None:
    """Two hundred events that are all removed make a comment that is cut, and says so."""
    for number in range(200):
        path = Path(f"tracking_plan/events/browse/page_{number}_viewed.yaml")
        path.write_text(Path("tracking_plan/events/browse/product_viewed.yaml").read_text())
        edit(f"events/browse/{path.name}", "event: product_viewed", f"event: page_{number}_viewed")
    shutil.copytree("tracking_plan", "before")
    shutil.rmtree("tracking_plan/events/browse")
    context = Context(Setting(Path("tracking_plan"), "before", TODAY))
    parts = review(context)
    text = comment(context, parts, report_of(context, parts, Severity.ERROR))
    assert len(text) <= MOST_CHARACTERS
    assert "more events change" in text


def test_each_plan_has_its_own_marker() -> None:
    """Two plans of one repository get a comment each, and no name of a folder ends the marker early."""
    names = ("tracking_plan", "apps/shop/plan", "a-->b")
    markers = {marker(Context(Setting(Path(name), "main", TODAY))) for name in names}
    assert len(markers) == 3
    assert all(each.count("-->") == 1 and each.endswith(" -->") for each in markers)


def test_a_stale_client_fails_the_review(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that plan.yaml lists and that does not say what the plan says is an error at its file."""
    storefront = Path(__file__).parents[2] / "tracking_plan" / "examples" / "storefront"
    plan_dir = Path(shutil.copytree(storefront, tmp_path / "tracking_plan"))
    with (plan_dir / "plan.yaml").open("a", encoding="utf-8") as head:
        head.write("generate:\n  - {language: python, out: ../client.py}\n")
    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(plan, ["generate"]).exit_code == 0
    assert "client-stale" not in CliRunner().invoke(plan, ["review", "--against", "tracking_plan"]).output
    with Path("client.py").open("a", encoding="utf-8") as client:
        client.write("# edited\n")
    result = CliRunner().invoke(plan, ["review", "--against", "tracking_plan"])
    assert (result.exit_code, "error[client-stale]" in result.output) == (1, True)
