"""A release is immutable, and its hash says what is in it."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from trackway_plan import Release, ReleaseError, ReleaseExistsError, compile_release, load_plan, write_release
from trackway_plan.model import EventSpec, Group, Plan, PropertySpec

EXAMPLES = Path(__file__).parents[2] / "tracking_plan" / "examples"


def _plan(**properties: str) -> Plan:
    specs = {name: PropertySpec(name=name, kind=kind) for name, kind in properties.items()}
    return Plan(name="tea", events={"tea_bought": EventSpec(name="tea_bought", properties=specs)})


def test_equal_plans_have_equal_hashes() -> None:
    """Neither number nor day nor the order of properties changes the hash; a type does."""
    first = compile_release(_plan(size="int", kind="string"), 1)
    again = compile_release(_plan(kind="string", size="int"), 2, date(2026, 3, 1))
    assert first.hash == again.hash
    assert compile_release(_plan(size="int", kind="text"), 1).hash != first.hash
    assert len(first.hash) == 12
    assert set(first.hash) <= set("0123456789abcdef")


def test_a_release_is_what_its_file_gives_back() -> None:
    """What is compiled equals what is read, the order of properties included."""
    release = compile_release(load_plan(EXAMPLES / "storefront"), 1)
    again = Release.from_json(release.to_json())
    assert again == release
    assert [*again.events["order_completed"].properties] == [*release.events["order_completed"].properties]


def test_groups_are_put_in_place_with_their_origin() -> None:
    """Included groups, groups of groups and groups everywhere become properties that name their group."""
    inner = Group(name="inner", properties={"a": PropertySpec(name="a", kind="int")})
    outer = Group(name="outer", include=("inner",), properties={"b": PropertySpec(name="b", kind="int")})
    page = Group(name="page", properties={"url": PropertySpec(name="url", kind="string")})
    event = EventSpec(name="tea_bought", include=("outer",))
    groups = {group.name: group for group in (inner, outer, page)}
    plan = Plan(name="tea", everywhere=("page",), groups=groups, events={"tea_bought": event})
    properties = compile_release(plan, 1).events["tea_bought"].properties
    assert {name: spec.group for name, spec in properties.items()} == {
        "a": "inner",
        "b": "outer",
        "url": "page",
    }


def test_a_release_is_written_once(tmp_path: Path) -> None:
    """A changed plan gets the next number, an unchanged one gets none, and no file is ever overwritten."""
    first, path = write_release(_plan(size="int"), tmp_path)
    assert path == tmp_path / "releases" / "0001.json"
    assert write_release(_plan(size="int"), tmp_path) == (first, None)
    second, path = write_release(_plan(size="text"), tmp_path)
    assert (second.rev, path) == (2, tmp_path / "releases" / "0002.json")
    assert Release.load(tmp_path / "releases" / "0001.json") == first


def test_two_that_release_at_once_do_not_overwrite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second of two that saw the same latest release is refused."""
    write_release(_plan(size="int"), tmp_path)
    monkeypatch.setattr("trackway_plan.release.latest_release", lambda directory: None)
    with pytest.raises(ReleaseExistsError, match="release again for the next number"):
        write_release(_plan(size="text"), tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hash": "000000000000"}, "it was edited by hand"),
        ({"summary": "changed"}, "it was edited by hand"),
        ({"format": 9}, "has format 9, and this version reads format 1"),
        ({"events": 1}, "this is not a release"),
    ],
)
def test_a_release_that_was_changed_is_refused(tmp_path: Path, change: dict[str, object], message: str) -> None:
    """An edit by hand, another format and another shape are named, with the file."""
    release = json.loads(compile_release(_plan(size="int"), 1).to_json())
    path = tmp_path / "0001.json"
    path.write_text(json.dumps(release | change))
    with pytest.raises(ReleaseError, match=message) as caught:
        Release.load(path)
    assert str(caught.value).startswith(f"{path}: ")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b"[" * 100_000])
def test_what_is_no_release_is_refused(content: bytes) -> None:
    """Anything but a release gives one error, whatever it is."""
    with pytest.raises(ReleaseError, match="this is not a release"):
        Release.from_json(content)


@pytest.mark.parametrize("name", ["demo", "storefront"])
def test_the_committed_releases_are_those_of_the_example_plans(name: str) -> None:
    """Each example plan and its newest release agree."""
    [path] = (EXAMPLES / name / "releases").iterdir()
    assert compile_release(load_plan(EXAMPLES / name), 1).hash == Release.load(path).hash


def test_a_validator_needs_msgspec_alone() -> None:
    """Reading a release and judging a good event imports neither YAML, jsonschema nor click."""
    path = EXAMPLES / "demo" / "releases" / "0001.json"
    code = (
        "import sys\n"
        "from trackway_plan import Release, Validator\n"
        f"validator = Validator(Release.load({str(path)!r}))\n"
        "assert validator.check_track('passed', b'{}', 'air').outcome == 'ok'\n"
        "assert not {'yaml', 'jsonschema', 'click', 'rich'} & set(sys.modules)\n"
        "assert validator.check_track('pased', b'{}', 'air').outcome == 'flagged'\n"
    )
    environment = {"PYTHONPATH": str(EXAMPLES.parent)}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
