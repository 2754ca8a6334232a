"""`trackway plan init`: a plan that is sound, clean and formatted from the first minute."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from trackway_plan.cli import plan


def test_the_starter_is_sound_clean_and_formatted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every check passes on what init wrote, and it can be released."""
    monkeypatch.chdir(tmp_path)
    runner = CliRunner()
    result = runner.invoke(plan, ["init"])
    assert (result.exit_code, "\n  trackway plan validate\n" in result.output) == (0, True)
    for arguments in (["validate"], ["lint", "--fail-on", "note"], ["fmt", "--check"], ["release"]):
        done = runner.invoke(plan, arguments)
        assert done.exit_code == 0, done.output
    assert "/tracking_plan/events/shop/" in Path("tracking_plan/README.md").read_text()


def test_next_commands_name_the_directory(tmp_path: Path) -> None:
    """With --into the commands to run next can be copied as they are."""
    target = tmp_path / "plans" / "shop"
    result = CliRunner().invoke(plan, ["init", "--into", str(target)])
    assert result.exit_code == 0
    assert f"trackway plan release {target}" in result.output


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """A directory that holds anything is left as it is, exit code 3."""
    (tmp_path / "notes.txt").write_text("mine")
    result = CliRunner().invoke(plan, ["init", "--into", str(tmp_path)])
    assert (result.exit_code, "nothing was written" in result.output) == (3, True)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
