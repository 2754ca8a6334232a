"""`trackway plan diff`, `breaking` and `accept` from the command line: what is compared, exit codes, accepted.yaml."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.tracking_plan.plans import EVENT, tea, write_plan
from trackway_plan.cli import plan
from trackway_plan.loading.plan import load_plan
from trackway_plan.release import write_release

NARROW = tea("  grams: {type: int, max: 500}\n")
WIDE = tea("  grams: {type: int, max: 1000}\n")


def run(*arguments: str) -> Result:
    """One verb, in the current directory."""
    return CliRunner().invoke(plan, [*arguments], catch_exceptions=False)


def found(*arguments: str) -> list[dict[str, Any]]:
    """The findings of `breaking` as JSON."""
    rows: list[dict[str, Any]] = json.loads(run("breaking", *arguments, "--format", "json").stdout)["findings"]
    return rows


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Git repository with release 1 of a plan on `main`, and a narrower plan in the working tree."""
    directory = write_plan(tmp_path / "tracking_plan", WIDE)
    write_release(load_plan(directory), directory)
    git = ["git", "-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    for arguments in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-q", "-m", "The plan"]):
        subprocess.run([*git, *arguments], cwd=tmp_path, check=True)
    write_plan(directory, NARROW)
    monkeypatch.chdir(tmp_path)
    return directory


def test_a_git_ref_a_release_and_a_directory_give_the_same_findings(repository: Path, tmp_path: Path) -> None:
    """`main`, `1` and a copy of the old plan are three names for the same plan before."""
    old = write_plan(tmp_path / "old", WIDE)
    answers = [found("--against", name) for name in ("main", "1", str(old))]
    for row in (row for answer in answers for row in answer):
        row.pop("hint")  # it names what was compared with
    assert answers[0] == answers[1] == answers[2]
    assert [(row["rule"], row["audience"]) for row in answers[0]] == [
        ("constraint-tightened", "ingest"),
        ("constraint-tightened", "source"),
    ]


def test_findings_stand_where_the_plan_at_hand_has_them(repository: Path) -> None:
    """`file:line:column` is the property in the working tree."""
    assert f"tracking_plan/{EVENT}:3:3: error[constraint-tightened]" in run("breaking", "--against", "main").stdout


def test_the_head_of_a_range_stands_in_git(repository: Path) -> None:
    """A finding about a plan that is only in Git names the file as Git does."""
    assert found("--against", "tracking_plan..main") == []
    text = run("diff", "--against", "tracking_plan..main").stdout
    assert f"main:tracking_plan/{EVENT}:3:3: note[constraint-loosened]" in text


def test_an_error_says_how_to_accept_it(repository: Path) -> None:
    """The command stands below the finding, with its fingerprint and what was compared with."""
    error = found("--against", "main")[0]
    expected = f"  If it is meant: trackway plan accept {error['fingerprint']} --against main --reason … --until …\n"
    assert expected in run("breaking", "--against", "main").stdout


def test_exit_codes_of_breaking(repository: Path) -> None:
    """0 nothing at the bar, 1 findings, 2 usage, 3 no such revision."""
    assert run("breaking", "--against", "main").exit_code == 1
    assert run("breaking", "--against", "tracking_plan").exit_code == 0
    assert run("breaking").exit_code == 2
    assert run("breaking", "--against", "main", "--evidence", "soon").exit_code == 2
    assert run("breaking", "--against", "main", "--evidence", "14d").exit_code == 2
    assert run("breaking", "--against", "7").exit_code == 3


def test_an_unreachable_warehouse_exits_4_and_prints_no_findings(repository: Path) -> None:
    """No answer is not "no findings": nothing on stdout, the reason on stderr."""
    result = run("breaking", "--against", "main", "--evidence", "14d", "--warehouse", "clickhouse://127.0.0.1:1/none")
    assert (result.exit_code, result.stdout) == (4, "")
    assert "Nothing was checked" in result.stderr


def test_without_a_warehouse_the_report_says_no_evidence(repository: Path) -> None:
    """In the text and in the JSON."""
    assert "(no evidence)" in run("breaking", "--against", "main").stdout
    assert json.loads(run("breaking", "--against", "main", "--format", "json").stdout)["evidence"] == "no evidence"


def test_diff_lists_everything_and_fails_nothing(repository: Path) -> None:
    """A changelog exits 0; its JSON holds the changes by kind."""
    result = run("diff", "--against", "main", "--format", "json")
    assert result.exit_code == 0
    changes = json.loads(result.stdout)["changes"]
    assert [(c["kind"], c["before"], c["after"]) for c in changes] == [("constraint-tightened", "1000", "500")]


def test_an_intentional_break_merges_through_accept(repository: Path) -> None:
    """Accepted, the findings are still shown and fail nothing (dbt#10298); comments in the file stay."""
    accepted = repository / "accepted.yaml"
    accepted.write_text("# Ask Ada before adding here.\naccepted: []\n", encoding="utf-8")
    prints = [row["fingerprint"] for row in found("--against", "main")]
    result = run(
        "accept", *prints, "--against", "main", "--reason", "web 4.2 is out", "--until", "2099-12-31", "--author", "Ada"
    )
    assert result.exit_code == 0
    text = accepted.read_text(encoding="utf-8")
    assert text.startswith("# Ask Ada before adding here.\n")
    assert "# ingest: constraint-tightened: grams of tea_bought" in text
    after = run("breaking", "--against", "main")
    assert after.exit_code == 0
    assert "Accepted until 2099-12-31." in after.stdout


def test_an_expired_acceptance_fails_and_says_when(repository: Path) -> None:
    """A day after `until`, the finding counts again, and the entry is a finding too."""
    prints = [row["fingerprint"] for row in found("--against", "main")]
    run("accept", *prints, "--against", "main", "--reason", "web 4.2", "--until", "2099-12-31")
    result = run("breaking", "--against", "main", "--today", "2100-01-01")
    assert result.exit_code == 1
    assert "tracking_plan/accepted.yaml:4:5: error[accepted-expired]" in result.stdout
    renewed = run("accept", *prints, "--against", "main", "--reason", "still", "--until", "2100-06-30")
    assert renewed.exit_code == 0
    assert run("breaking", "--against", "main", "--today", "2100-01-01").exit_code == 0
    assert (repository / "accepted.yaml").read_text(encoding="utf-8").count("fingerprint") == 2


def test_an_entry_that_came_with_the_plan_before_is_only_noted(repository: Path, tmp_path: Path) -> None:
    """Once its change is merged an entry is spent: the next pull request is not failed for it."""
    entry = "accepted:\n  - {fingerprint: 0123456789ab, reason: web 4.2, until: 2099-12-31}\n"
    (repository / "accepted.yaml").write_text(entry, encoding="utf-8")
    fresh = found("--against", "main")
    assert [(row["rule"], row["severity"]) for row in fresh if row["rule"] == "accepted-unused"] == [
        ("accepted-unused", "error")
    ]
    old = write_plan(tmp_path / "old", WIDE | {"accepted.yaml": entry})
    spent = [row["severity"] for row in found("--against", str(old)) if row["rule"] == "accepted-unused"]
    assert spent == ["note"]


def test_accept_refuses_what_no_finding_has(repository: Path) -> None:
    """An unknown fingerprint writes nothing; near ones are named."""
    known = found("--against", "main")[0]["fingerprint"]
    wrong = known[:-1] + ("0" if known[-1] != "0" else "1")
    result = run("accept", wrong, "--against", "main", "--reason", "x", "--until", "2099-12-31")
    assert result.exit_code == 1
    assert f"Did you mean `{known}`?" in result.stderr
    assert not (repository / "accepted.yaml").exists()


@pytest.mark.parametrize(("option", "value"), [("--until", "2020-01-01"), ("--until", "soon"), ("--reason", " ")])
def test_accept_needs_a_reason_and_a_day_to_come(option: str, value: str, repository: Path) -> None:
    """A day that has passed, no day at all, and an empty reason are refused as usage."""
    options = {"--reason": "web 4.2", "--until": "2099-12-31"} | {option: value}
    words = [word for pair in options.items() for word in pair]
    assert run("accept", "0123456789ab", "--against", "main", *words).exit_code == 2


def test_a_broken_plan_in_git_is_told_by_its_name_there(repository: Path) -> None:
    """The message names `ref:path`, not a directory that is gone."""
    write_plan(repository, {EVENT: "event: tea_bought\nproperties: 3\n"})
    subprocess.run(
        ["git", "-c", "user.name=A", "-c", "user.email=a@example.org", "commit", "-qam", "Broken"],
        cwd=repository.parent,
        check=True,
    )
    write_plan(repository, WIDE)
    result = run("breaking", "--against", "main")
    assert result.exit_code == 3
    assert result.stderr.startswith(f"main:tracking_plan/{EVENT}:2:13:")


def test_a_directory_that_is_not_there_is_what_is_missing(repository: Path) -> None:
    """The message does not take the plan's directory for a Git ref."""
    result = run("breaking", "nowhere", "--against", "main")
    assert result.exit_code == 3
    assert result.stderr.startswith("nowhere/plan.yaml:1:1: there is no plan here")


def test_a_directory_may_be_called_like_a_release(repository: Path) -> None:
    """`trackway plan breaking 2026` looks at the directory 2026."""
    repository.rename("2026")
    assert run("breaking", "2026", "--against", "1").exit_code == 1


def test_the_command_that_accepts_names_a_plan_in_another_directory(repository: Path) -> None:
    """It can be pasted as it is, whatever the directory is called."""
    repository.rename("my plan")
    error = found("my plan", "--against", "1")[0]
    expected = f"trackway plan accept {error['fingerprint']} --dir 'my plan' --against 1 --reason … --until …\n"
    assert expected in run("breaking", "my plan", "--against", "1").stdout
    accepted = run(
        "accept", error["fingerprint"], "--dir", "my plan", "--against", "1", "--reason", "x", "--until", "2999-01-01"
    )
    assert accepted.exit_code == 0, accepted.output
