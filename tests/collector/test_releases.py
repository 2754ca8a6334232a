"""Releases come live while the collector runs; what is wrong with a file costs nobody anything."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

import msgspec
import pytest

from trackway_collector.errors import ConfigError
from trackway_collector.releases import ReleaseFolder, Stamp
from trackway_plan import EventSpec, Plan, PropertySpec, Release, compile_release

KEY = b"a key of the operator's own"


def tea(rev: int, *properties: str, store: str = "plain") -> Release:
    """Revision `rev` of a plan with one event that has these properties."""
    specs = {name: PropertySpec(name=name, kind="string", store=store) for name in properties}
    return compile_release(Plan(name="tea", events={"seen": EventSpec(name="seen", properties=specs)}), rev)


def write(folder: Path, release: Release, name: str = "") -> Path:
    (folder / "releases").mkdir(parents=True, exist_ok=True)
    path = folder / "releases" / (name or f"{release.rev:04}.json")
    path.write_bytes(release.to_json())
    return path


def test_every_release_of_a_directory_is_live(tmp_path: Path) -> None:
    """All of them, by number; the newest judges what has no stamp, even beyond four digits."""
    for rev in (1, 2, 10_000):
        write(tmp_path, tea(rev, f"p{rev}"))
    live = ReleaseFolder(str(tmp_path)).live
    assert (list(live.by_rev), live.newest.rev) == ([1, 2, 10_000], 10_000)


def test_a_stamp_names_a_release_by_plan_number_and_hash(tmp_path: Path) -> None:
    """If one of the three is another, it is none of ours."""
    one = tea(1, "a")
    write(tmp_path, one)
    live = ReleaseFolder(str(tmp_path)).live
    assert live.stamped(Stamp("tea", 1, one.hash)) == one
    wrong = [
        ("coffee", 1, one.hash),
        ("tea", 2, one.hash),
        ("tea", 1, "0" * 12),
        ("tea", True, one.hash),
        ("tea", [], {}),
    ]
    assert [live.stamped(Stamp(*stamp)) for stamp in wrong] == [None] * len(wrong)
    assert live.stamped(None) is None


def test_a_new_file_comes_live(tmp_path: Path) -> None:
    """`refresh` says so once; with nothing new it says nothing."""
    write(tmp_path, tea(1, "a"))
    folder = ReleaseFolder(str(tmp_path))
    assert folder.refresh() is None
    write(tmp_path, tea(2, "a", "b"))
    live = folder.refresh()
    assert live is not None
    assert list(live.by_rev) == [1, 2]
    assert folder.refresh() is None


def test_a_single_file_still_works_and_may_be_replaced(tmp_path: Path) -> None:
    """Another revision in the same file comes live beside the one that was there."""
    path = tmp_path / "plan.json"
    path.write_bytes(tea(1, "a").to_json())
    folder = ReleaseFolder(str(path))
    path.write_bytes(tea(2, "a", "b").to_json())
    live = folder.refresh()
    assert live is not None
    assert list(live.by_rev) == [1, 2]


@pytest.mark.parametrize("content", [b"", b"{", tea(1, "other").to_json(), tea(3, "a").to_json(), b"\xff"])
def test_a_bad_file_is_refused_and_the_old_stays(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """Half a file, another content under a live number or another number than the name: one log line, one count."""
    write(tmp_path, tea(1, "a"))
    folder = ReleaseFolder(str(tmp_path))
    number = "0001" if b'"rev": 1' in content else "0002"
    (tmp_path / "releases" / f"{number}.json").write_bytes(content)
    with caplog.at_level(logging.ERROR):
        assert [folder.refresh() for _ in range(4)] == [None] * 4
    assert (folder.refused, len(caplog.messages)) == (1, 1)
    assert f"{number}.json is refused" in caplog.messages[0]
    assert folder.live.by_rev == {1: tea(1, "a")}


def test_a_file_that_was_half_written_comes_live_when_it_is_whole(tmp_path: Path) -> None:
    """At first sight a bad file may only be unfinished: nothing is refused."""
    write(tmp_path, tea(1, "a"))
    folder = ReleaseFolder(str(tmp_path))
    path = write(tmp_path, tea(2, "b"))
    whole = path.read_bytes()
    path.write_bytes(whole[:100])
    assert folder.refresh() is None
    path.write_bytes(whole)
    assert folder.refresh() is not None
    assert folder.refused == 0


def test_what_is_taken_away_stays_live(tmp_path: Path) -> None:
    """Clients that carry its stamp are still out there; a folder that is gone for a moment changes nothing either."""
    write(tmp_path, tea(1, "a"))
    write(tmp_path, tea(2, "b"))
    folder = ReleaseFolder(str(tmp_path))
    (tmp_path / "releases" / "0001.json").unlink()
    assert folder.refresh() is None
    shutil.rmtree(tmp_path)
    assert folder.refresh() is None
    assert list(folder.live.by_rev) == [1, 2]


def test_an_old_release_that_is_damaged_does_not_keep_the_collector_from_starting(tmp_path: Path) -> None:
    """The newest does: without it nobody would be judged by what the team has agreed on."""
    write(tmp_path, tea(2, "a"))
    (tmp_path / "releases" / "0001.json").write_text("{")
    folder = ReleaseFolder(str(tmp_path))
    assert (list(folder.live.by_rev), folder.refused) == ([2], 1)
    (tmp_path / "releases" / "0003.json").write_text("{")
    with pytest.raises(ConfigError, match=r"0003\.json"):
        ReleaseFolder(str(tmp_path))


def test_a_plan_that_hashes_needs_a_key(tmp_path: Path) -> None:
    """Without one the collector does not start, and says which setting is missing; who only reads needs none."""
    write(tmp_path, tea(1, "email", store="hash"))
    with pytest.raises(ConfigError, match="TRACKWAY_HASH_KEY"):
        ReleaseFolder(str(tmp_path))
    assert ReleaseFolder(str(tmp_path), KEY).live.newest.rev == 1
    assert ReleaseFolder(str(tmp_path), reads_only=True).live.newest.rev == 1


def test_a_release_that_hashes_does_not_come_live_without_a_key(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The former one stays, and the log says what to set."""
    write(tmp_path, tea(1, "email"))
    folder = ReleaseFolder(str(tmp_path))
    write(tmp_path, tea(2, "email", store="hash"))
    assert [folder.refresh(), folder.refresh()] == [None, None]
    assert folder.live.newest.rev == 1
    assert "TRACKWAY_HASH_KEY" in caplog.text


def test_a_release_is_read_as_its_file_says(tmp_path: Path) -> None:
    """Reading it again gives the very value, so that its hash is the one clients stamp."""
    path = write(tmp_path, tea(1, "a"))
    assert ReleaseFolder(str(path)).live.newest == Release.load(path)
    assert msgspec.json.decode(path.read_bytes())["hash"] == ReleaseFolder(str(path)).live.newest.hash
