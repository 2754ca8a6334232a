"""`trackway plan`: exit codes, output that grep and editors can follow, and JSON."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from trackway_plan.cli import plan

EXAMPLES = Path(__file__).parents[2] / "tracking_plan" / "examples"
GOLDEN = Path(__file__).parents[1] / "golden" / "plan_errors"


@pytest.fixture
def runner() -> CliRunner:
    return CliRunner()


@pytest.fixture
def storefront(tmp_path: Path) -> Path:
    return Path(shutil.copytree(EXAMPLES / "storefront", tmp_path / "storefront"))


def test_a_sound_plan_exits_0(runner: CliRunner) -> None:
    """Nothing wrong is one line and exit code 0."""
    result = runner.invoke(plan, ["validate", str(EXAMPLES / "demo")])
    assert (result.exit_code, result.output) == (0, "demo: 39 events, 0 problems.\n")


def test_problems_exit_1_and_begin_with_file_line_column(runner: CliRunner) -> None:
    """Each problem starts an unbroken line with file:line:column, however narrow the terminal."""
    result = runner.invoke(plan, ["validate", str(GOLDEN / "unknown_type")], env={"COLUMNS": "20"})
    assert result.exit_code == 1
    where = f"{GOLDEN}/unknown_type/events/shop/tea_bought.yaml:3:17: "
    assert result.output.startswith(f"{where}error[invalid]: property `total` of event `tea_bought` has type `money`")


def test_json_holds_the_same_problems(runner: CliRunner) -> None:
    """With --format json each problem is an object with file, line, column, message and hint."""
    result = runner.invoke(plan, ["validate", str(GOLDEN / "tabs"), "--format", "json"])
    assert result.exit_code == 1
    answer = json.loads(result.output)
    [problem] = answer["findings"]
    assert (answer["events"], answer["counts"]["error"]) == (0, 1)
    assert (problem["line"], problem["column"], problem["hint"]) == (3, 1, "Indent with spaces.")


@pytest.mark.parametrize("command", ["validate", "release"])
def test_no_plan_exits_3(runner: CliRunner, tmp_path: Path, command: str) -> None:
    """A directory without a plan cannot be loaded."""
    result = runner.invoke(plan, [command, str(tmp_path / "nowhere")])
    assert result.exit_code == 3
    assert "there is no plan here" in result.output


def test_wrong_usage_exits_2(runner: CliRunner) -> None:
    """An unknown format is a usage error."""
    assert runner.invoke(plan, ["validate", "--format", "yaml"]).exit_code == 2


def test_release_writes_the_next_number_once(runner: CliRunner, storefront: Path) -> None:
    """An unchanged plan says so; a changed one gets the next file."""
    unchanged = runner.invoke(plan, ["release", str(storefront)])
    assert (unchanged.exit_code, "has not changed since rev 1" in unchanged.output) == (0, True)
    group = storefront / "groups" / "money.yaml"
    group.write_text(group.read_text().replace("min: 0", "min: 1"))
    changed = runner.invoke(plan, ["release", str(storefront)])
    assert changed.exit_code == 0
    assert changed.output.startswith(f"{storefront}/releases/0002.json: storefront rev 2 (")


def test_a_broken_plan_is_not_released(runner: CliRunner, storefront: Path) -> None:
    """A plan with a problem shows it, exits 3 and writes nothing."""
    (storefront / "types.yaml").write_text("types: {sku: {type: strng}}\n")
    result = runner.invoke(plan, ["release", str(storefront)])
    assert result.exit_code == 3
    assert [path.name for path in (storefront / "releases").iterdir()] == ["0001.json"]


def test_a_release_edited_by_hand_is_a_finding(runner: CliRunner, storefront: Path) -> None:
    """`validate` proves the releases against their hashes."""
    path = storefront / "releases" / "0001.json"
    path.write_text(path.read_text().replace('"max": 999', '"max": 9999'))
    result = runner.invoke(plan, ["validate", str(storefront)])
    assert result.exit_code == 1
    assert f"{path}:1:1: error[release-damaged]: the content has hash" in result.output


def test_required_of_a_dropped_property_is_noted(runner: CliRunner, storefront: Path) -> None:
    """`required` beside `store: drop` says nothing, because nobody after the SDK can see the value."""
    traits = storefront / "traits" / "user.yaml"
    traits.write_text(traits.read_text().replace("pii: contact", "pii: contact, required: true, store: drop"))
    result = runner.invoke(plan, ["validate", str(storefront)])
    assert result.exit_code == 0
    assert f"{traits}:4:3: note[not-enforced]: `required` of `email` says nothing" in result.output


@pytest.mark.parametrize("command", ["validate", "release"])
def test_help_has_an_example(runner: CliRunner, command: str) -> None:
    """Each command shows one line to copy."""
    assert f"trackway plan {command} tracking_plan" in runner.invoke(plan, [command, "--help"]).output
