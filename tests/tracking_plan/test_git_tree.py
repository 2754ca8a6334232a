"""A plan as Git has it: whatever the directory is called, was called, and is configured."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.tracking_plan.plans import EVENT, tea, write_plan
from trackway_plan.cli import plan as command
from trackway_plan.revisions.named import changed_lines

WIDE, NARROW = (tea(f"  cups: {{type: int, max: {most}}}\n") for most in (9, 4))


def git(*arguments: str) -> None:
    """Git, as Ada, in the working directory."""
    subprocess.run(["git", "-c", "user.name=Ada", "-c", "user.email=a@example.org", *arguments], check=True)


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A plan that `main` has; its directory has a name that Git would quote or take for a pattern."""
    monkeypatch.chdir(tmp_path)
    directory = write_plan(Path("Pläne [a*]"), WIDE)
    git("init", "-q", "-b", "main")
    git("add", ".")
    git("commit", "-q", "-m", "The plan")
    return directory


def run(*arguments: str) -> Result:
    """One verb of `trackway plan`."""
    return CliRunner().invoke(command, [*arguments])


def test_changed_lines_are_found_under_any_name_and_configuration(plan: Path) -> None:
    """Names that are not ASCII are not quoted, and `diff.noprefix` changes nothing."""
    write_plan(plan, NARROW)
    for key in ("diff.noprefix", "diff.mnemonicPrefix"):
        assert changed_lines("main", plan) == {str(plan / EVENT): frozenset({3})}
        git("config", key, "true")
    assert changed_lines("main", plan) == {str(plan / EVENT): frozenset({3})}


def test_attributes_for_archives_hide_nothing(plan: Path) -> None:
    """A base branch whose `.gitattributes` leaves the plan out of archives has a plan all the same."""
    Path(".gitattributes").write_text("* export-ignore\n", encoding="utf-8")
    git("add", ".")
    git("commit", "-q", "-m", "Small archives")
    write_plan(plan, NARROW)
    result = run("breaking", str(plan), "--against", "main")
    assert result.exit_code == 1, result.output
    assert "constraint-tightened" in result.stdout


@pytest.mark.parametrize("verb", ["breaking", "review"])
def test_a_plan_in_a_directory_that_was_renamed_is_compared_with_itself(plan: Path, verb: str) -> None:
    """Moving a plan does not open the gate: it is known by its name."""
    git("mv", str(plan), "tracking_plan")
    write_plan(Path("tracking_plan"), NARROW)
    result = run(verb, "--against", "main")
    assert result.exit_code == 1, result.output
    assert "constraint-tightened" in result.stdout


def test_releases_of_a_plan_that_was_moved_are_still_proved(plan: Path) -> None:
    """A release that the base branch has under the old directory may not be gone in the new one."""
    assert run("release", str(plan)).exit_code == 0
    git("add", ".")
    git("commit", "-q", "-m", "Release 1")
    git("mv", str(plan), "tracking_plan")
    next(Path("tracking_plan/releases").iterdir()).unlink()
    result = run("release", "--verify", "--against", "main")
    assert result.exit_code == 1, result.output
    assert "release-removed" in result.stdout


def test_a_plan_that_is_new_is_told_so(plan: Path) -> None:
    """A second plan of the repository is not the first one moved, and the message does not blame the ref."""
    other = write_plan(
        Path("other"), NARROW | {"plan.yaml": "plan: other\nformat: 1\nsources: {web: {kind: client}}\n"}
    )
    result = run("breaking", str(other), "--against", "main")
    assert result.exit_code == 3
    assert "`main` has no plan at other" in result.stderr
    assert "no Git ref" not in result.stderr
    copy = write_plan(Path("copy"), NARROW)
    assert run("breaking", str(copy), "--against", "main").exit_code == 3, (
        "the plan is where it was, and here is another"
    )
    assert "main has no plan at copy yet" in run("review", str(copy), "--against", "main").stdout
    assert plan.is_dir()
