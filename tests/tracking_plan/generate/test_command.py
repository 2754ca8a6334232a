"""`trackway plan generate`: which clients, `--check`, and files that are never half written."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from trackway_plan.cli import plan
from trackway_plan.generate import check

EXAMPLE = Path(__file__).parents[3] / "tracking_plan" / "examples" / "storefront"
GENERATE = """
generate:
  - {language: python, out: ../app/tracking.py, source: api}
  - {language: typescript, out: ../web/tracking.ts, source: web}
"""


@pytest.fixture
def storefront(tmp_path: Path) -> Path:
    """The example plan, with clients listed and not yet written."""
    directory = Path(shutil.copytree(EXAMPLE, tmp_path / "tracking_plan"))
    head = (directory / "plan.yaml").read_text("utf-8").split("\ngenerate:")[0]
    (directory / "plan.yaml").write_text(head + GENERATE, encoding="utf-8")
    return directory


def run(*arguments: object) -> tuple[int, str]:
    """Exit code and output."""
    result = CliRunner().invoke(plan, ["generate", *map(str, arguments)])
    return result.exit_code, result.output


def test_the_clients_of_plan_yaml_are_written_and_then_up_to_date(storefront: Path, tmp_path: Path) -> None:
    """Paths are seen from the plan's directory; a second run writes nothing; each client has its source's events."""
    code, output = run(storefront)
    assert (code, output.count("written")) == (0, 2)
    before = (tmp_path / "app" / "tracking.py").stat().st_mtime_ns
    assert run(storefront)[1].count("up to date") == 2
    assert (tmp_path / "app" / "tracking.py").stat().st_mtime_ns == before
    assert "def order_completed(" in (tmp_path / "app" / "tracking.py").read_text("utf-8")
    assert "def product_viewed(" not in (tmp_path / "app" / "tracking.py").read_text("utf-8")
    assert "function productViewed" in (tmp_path / "web" / "tracking.ts").read_text("utf-8")
    assert check(storefront) == []
    assert {path.name for path in (tmp_path / "app").iterdir()} == {"tracking.py"}


def test_check_finds_stale_and_missing_clients_and_writes_nothing(storefront: Path, tmp_path: Path) -> None:
    """A changed plan makes each client a finding, with the first line that says something else; exit code 1."""
    assert run(storefront, "--check")[0] == 1
    assert not (tmp_path / "app").exists()
    run(storefront)
    order = storefront / "events" / "checkout" / "order_completed.yaml"
    order.write_text(order.read_text("utf-8").replace("max_length: 40", "max_length: 41"), encoding="utf-8")
    code, output = run(storefront, "--check", "--format", "json")
    stale, *others = json.loads(output)["findings"]
    # The web client has not this event, but it states the plan's hash.
    assert (code, stale["rule"], len(others)) == (1, "client-stale", 1)
    assert stale["file"] == str(tmp_path / "app" / "tracking.py")
    assert "at most 40 characters" in stale["hint"]
    assert "at most 41 characters" in stale["hint"]


def test_a_release_pins_a_client(storefront: Path, tmp_path: Path) -> None:
    """A client made from a release is not stale when the plan moves on; a release that is not there exits 3."""
    CliRunner().invoke(plan, ["release", str(storefront)])
    pinned = GENERATE.replace("source: api", "release: 1")
    head = (storefront / "plan.yaml").read_text("utf-8").replace(GENERATE, pinned)
    (storefront / "plan.yaml").write_text(head.replace("source: web", "release: 1"), encoding="utf-8")
    assert run(storefront)[0] == 0
    order = storefront / "events" / "checkout" / "order_completed.yaml"
    order.write_text(order.read_text("utf-8").replace("max_length: 40", "max_length: 41"), encoding="utf-8")
    assert run(storefront, "--check")[0] == 0
    code, output = run(storefront, "--language", "python", "--out", tmp_path / "x.py", "--release", "9")
    assert code == 3
    assert "there is no release 9. There are 1 to 1." in output


def test_a_release_does_not_make_clients_stale(storefront: Path) -> None:
    """The plan as it stands has the number of its next release, so releasing it changes no client."""
    run(storefront)
    CliRunner().invoke(plan, ["release", str(storefront)])
    assert check(storefront) == []


def test_the_command_line_names_a_client(storefront: Path, tmp_path: Path) -> None:
    """--language and --out write one file, whatever plan.yaml lists."""
    code, output = run(storefront, "--language", "typescript", "--out", tmp_path / "new" / "client.ts")
    assert (code, output) == (0, f"{tmp_path / 'new' / 'client.ts'}: written.\n")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--language", "python"], "--language and --out go together"),
        (["--release", "1"], "go with --language and --out"),
        (["--language", "python", "--out", "x.py", "--source", "wob"], "no source `wob`. It has: web, api"),
    ],
)
def test_wrong_usage_exits_2(storefront: Path, arguments: list[str], says: str) -> None:
    """Options that make no sense together say so."""
    code, output = run(storefront, *arguments)
    assert code == 2
    assert says in " ".join(output.split())


def test_a_plan_without_clients_says_how_to_list_them(tmp_path: Path) -> None:
    """Nothing to do is an error of usage, not silence."""
    (tmp_path / "plan.yaml").write_text("plan: x\nformat: 1\n", encoding="utf-8")
    code, output = run(tmp_path, "--check")
    assert code == 2
    assert "plan.yaml lists no clients" in output


def test_a_damaged_client_is_stale_and_a_folder_in_its_place_is_missing(storefront: Path, tmp_path: Path) -> None:
    """What is there in place of a client never ends in a traceback."""
    run(storefront)
    (tmp_path / "app" / "tracking.py").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "web" / "tracking.ts").unlink()
    (tmp_path / "web" / "tracking.ts").mkdir()
    assert sorted(finding.rule for finding in check(storefront)) == ["client-missing", "client-stale"]
    assert run(storefront)[0] == 3
