"""`trackway plan release --verify`: releases are what they were, here and on the base branch."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.support.git import Repository
from trackway_plan.cli import plan

STOREFRONT = Path(__file__).parents[2] / "tracking_plan" / "examples" / "storefront"


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """A repository with the example plan, released once, committed on main."""
    shutil.copytree(STOREFRONT, tmp_path / "tracking_plan")
    repository = Repository(tmp_path)
    repository.commit()
    return repository


def run(repository: Repository, *arguments: str) -> Result:
    return CliRunner().invoke(plan, [*arguments[:1], str(repository.top / "tracking_plan"), *arguments[1:]])


def verify(repository: Repository, against: str = "main") -> Result:
    return run(repository, "release", "--verify", "--against", against)


def change(repository: Repository, least: int) -> None:
    """Another plan, that can be released."""
    path = repository.top / "tracking_plan" / "groups" / "money.yaml"
    path.write_text(re.sub(r"min: \d", f"min: {least}", path.read_text()))


def test_a_new_release_leaves_the_old_ones_alone(repository: Repository) -> None:
    """Adding the next number is fine, and the answer says what was proved."""
    repository.branch("dearer")
    change(repository, 1)
    assert run(repository, "release").exit_code == 0
    result = verify(repository)
    assert result.exit_code == 0
    assert result.output.endswith("tracking_plan: 2 releases, as on main and unchanged.\n")


def test_an_edit_by_hand_is_found_by_the_hash(repository: Repository) -> None:
    """One changed character makes the content and the stated hash disagree."""
    path = repository.top / "tracking_plan" / "releases" / "0001.json"
    path.write_text(path.read_text().replace('"max": 999', '"max": 998'))
    result = run(repository, "release", "--verify")
    assert (result.exit_code, "error[release-damaged]: the content has hash" in result.output) == (1, True)


def test_a_release_that_says_the_same_in_other_bytes_is_found(repository: Repository) -> None:
    """The hash holds and the bytes differ: only the base branch can tell."""
    path = repository.top / "tracking_plan" / "releases" / "0001.json"
    path.write_text(json.dumps(json.loads(path.read_text())))
    assert run(repository, "release", "--verify").exit_code == 0
    result = verify(repository)
    assert (result.exit_code, "error[release-edited]" in result.output) == (1, True)


def test_a_release_that_is_gone_is_found(repository: Repository) -> None:
    """Clients are out with it."""
    (repository.top / "tracking_plan" / "releases" / "0001.json").unlink()
    result = verify(repository)
    assert (result.exit_code, "error[release-removed]: main has this release" in result.output) == (1, True)


def test_a_missing_number_is_found(repository: Repository) -> None:
    """A release that skips a number will meet the one it skipped."""
    releases = repository.top / "tracking_plan" / "releases"
    change(repository, 1)
    run(repository, "release")
    change(repository, 2)
    run(repository, "release")
    (releases / "0002.json").unlink()
    result = run(repository, "release", "--verify")
    assert "error[release-gap]: there is a release 3, and none of these before it: 2." in result.output


def test_two_branches_that_both_release_collide(repository: Repository) -> None:
    """Git refuses to merge them, and verify tells the second before it tries, with what to do."""
    for name, least in (("dearer", 1), ("dearest", 2)):
        repository.branch(name, "main")
        change(repository, least)
        assert run(repository, "release").exit_code == 0
        repository.commit()
    repository("switch", "--quiet", "main")
    repository("merge", "--quiet", "dearer")
    repository("switch", "--quiet", "dearest")
    result = verify(repository)
    assert result.exit_code == 1
    assert "releases/0002.json:1:1: error[release-collision]: main has another release" in result.output
    assert "keep its 0002.json, and run `trackway plan release` for the next number" in result.output
    assert "CONFLICT (add/add)" in repository("merge", "main", fails=True)


@pytest.mark.parametrize(("arguments", "code"), [(["--against", "main"], 2), (["--verify", "--against", "nowhere"], 3)])
def test_what_cannot_be_compared_is_said(repository: Repository, arguments: list[str], code: int) -> None:
    """--against without --verify is a mistake of usage; an unknown ref cannot be loaded."""
    assert run(repository, "release", *arguments).exit_code == code
