"""`keys.json`: edited by several at once, never readable by others, and never with a key in it."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.support.house import environment
from trackway_collector.cli import collector
from trackway_collector.errors import ConfigError
from trackway_collector.keystore import read_store
from trackway_collector.keystore.first_keys import DEVELOPMENT_FILE, first_keys
from trackway_collector.keystore.write_key import is_well_formed


def keys(directory: Path, *arguments: str) -> Result:
    return CliRunner().invoke(collector, ["keys", "--data-dir", str(directory), *arguments])


def made(directory: Path, *arguments: str) -> str:
    """The key that `keys create` or `keys rotate` printed."""
    done = keys(directory, *arguments)
    assert done.exit_code == 0, done.output
    return done.stdout.strip()


def test_a_key_is_printed_once_and_kept_as_a_hash(tmp_path: Path) -> None:
    """Standard output has the key alone; the file, which is its owner's only, and the list do not have it."""
    key = made(tmp_path, "create", "web", "--environment", "staging", "--origin", "https://shop.example")
    assert is_well_formed(key)
    path = tmp_path / "keys.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    listed = keys(tmp_path, "list").output
    assert key not in path.read_text() + listed
    assert key[3:35] not in path.read_text() + listed
    (stored,) = read_store(path).keys
    assert (stored.source, stored.environment, stored.origins) == ("web", "staging", ("https://shop.example",))
    assert all(word in listed for word in (stored.id, "web", "staging", "active"))


def test_the_life_of_a_key(tmp_path: Path) -> None:
    """Created, rotated, revoked: the list says what state each is in."""
    first = made(tmp_path, "create", "web")
    second = made(tmp_path, "rotate", "web", "--overlap", "0s")
    assert first != second
    old, new = (key.id for key in read_store(tmp_path / "keys.json").keys)
    assert "expired" in next(line for line in keys(tmp_path, "list").output.splitlines() if old in line)
    assert "is revoked since" in keys(tmp_path, "revoke", new).output
    listed = keys(tmp_path, "list").output
    assert listed.count("revoked") == listed.count("expired") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["create", "a b"], "`a b` cannot be a source"),
        (["create", "web", "--origin", "shop.example"], "`shop.example` is no origin"),
        (["create", "web", "--expires", "soon"], "`soon` is no time"),
        (["create", "web", "--expires", "2020-01-31"], "would have expired already"),
        (["rotate", "web"], "`web` is no source or key with anything active"),
        (["rotate", "web", "--overlap", "long"], "`long` is no length of time"),
        (["revoke", "web-1"], "There is no key `web-1`"),
    ],
)
def test_what_cannot_be_done_is_said(tmp_path: Path, arguments: list[str], message: str) -> None:
    """Exit 3 and a sentence; nothing is written."""
    done = keys(tmp_path, *arguments)
    assert (done.exit_code, done.stdout) == (3, "")
    assert message in done.stderr
    assert not (tmp_path / "keys.json").exists()


def test_edits_at_once_are_all_kept(tmp_path: Path) -> None:
    """Twelve processes each make a key: the store has twelve, and each opens what it should."""
    command = [sys.executable, "-m", "trackway", "collector", "keys", "--data-dir", str(tmp_path), "create"]
    makers = [
        subprocess.Popen([*command, f"source{n}"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment())
        for n in range(12)
    ]
    texts = [maker.communicate(timeout=60)[0].decode().strip() for maker in makers]
    store = read_store(tmp_path / "keys.json")
    by_hash = {key.hash: key.source for key in store.keys}
    assert [by_hash[store.hash(text)] for text in texts] == [f"source{n}" for n in range(12)]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"pepper": "zz", "keys": [], "format": 1}', '{"format": 2}'])
def test_what_is_no_key_file_is_refused(tmp_path: Path, content: str) -> None:
    """Reading and editing say so, repeat nothing of it, and leave it as it is."""
    path = tmp_path / "keys.json"
    path.write_text(content)
    with pytest.raises(ConfigError, match="is no key file"):
        read_store(path)
    assert keys(tmp_path, "create", "web").exit_code == 3
    assert path.read_text() == content


def test_the_first_key_is_shown_again(tmp_path: Path) -> None:
    """`trackway up` makes one key, and shows the same one at the next start, until it is revoked."""
    shown = first_keys(tmp_path)
    assert list(shown) == ["app"]
    assert first_keys(tmp_path) == shown
    assert stat.S_IMODE((tmp_path / DEVELOPMENT_FILE).stat().st_mode) == 0o600
    assert shown["app"] not in (tmp_path / "keys.json").read_text()
    made(tmp_path, "create", "web")
    assert first_keys(tmp_path) == shown
    keys(tmp_path, "revoke", read_store(tmp_path / "keys.json").keys[0].id)
    assert first_keys(tmp_path) == {}


@pytest.mark.parametrize("by_command", [False, True])
def test_keys_of_an_early_version_stay_valid(tmp_path: Path, by_command: bool) -> None:
    """A file with the keys in it becomes one with their hashes; `up` goes on showing them."""
    path = tmp_path / "keys.json"
    path.write_text(json.dumps({"app": "an-old-key"}))
    before = read_store(path)
    assert before.hash("an-old-key") == before.keys[0].hash
    if by_command:
        made(tmp_path, "create", "web")
    assert first_keys(tmp_path) == {"app": "an-old-key"}
    store = read_store(path)
    assert store.keys[0].hash == store.hash("an-old-key")
    assert "an-old-key" not in path.read_text()
