"""The file by which processes find the store."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from trackway_collector.warehouse import Terminal
from trackway_collector.warehouse.store_file import StoreFile


def ended_process() -> int:
    """The id of a process that has ended."""
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    return done.pid


def test_it_is_written_for_its_owner_only(tmp_path: Path) -> None:
    """Mode 0600 whatever the umask, the directory is made, no draft stays behind, and it reads back equal."""
    path = tmp_path / "data" / "store.json"
    store = StoreFile(os.getpid(), "127.0.0.1", 8079, "secret", console_url="http://127.0.0.1:8078/?token=secret")
    store.write(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["store.json"]
    assert StoreFile.read_running(path) == store
    assert "secret" not in repr(store)


def test_a_crashed_stores_file_is_stale(tmp_path: Path) -> None:
    """The process it names is gone: it is read, not believed, and the next store may replace it."""
    path = tmp_path / "store.json"
    StoreFile(ended_process(), "127.0.0.1", 8079, "old").write(path)
    assert StoreFile.read(path) is not None
    assert StoreFile.read_running(path) is None
    StoreFile(os.getpid(), "127.0.0.1", 8079, "new").write(path)
    found = StoreFile.read_running(path)
    assert found is not None
    assert found.token == "new"


def test_a_second_store_is_refused(tmp_path: Path) -> None:
    """While the first lives its file stays, and the message names its process."""
    path = tmp_path / "store.json"
    StoreFile(os.getppid(), "127.0.0.1", 8079, "first").write(path)
    with pytest.raises(Terminal, match=f"a store process runs already, process {os.getppid()}"):
        StoreFile(os.getpid(), "127.0.0.1", 8080, "second").write(path)


def test_only_its_own_file_is_removed(tmp_path: Path) -> None:
    """A store that ends does not take away its successor's file."""
    path = tmp_path / "store.json"
    mine = StoreFile(os.getpid(), "127.0.0.1", 8079, "mine")
    StoreFile(os.getppid(), "127.0.0.1", 8080, "theirs").write(path)
    mine.remove(path)
    assert path.exists()
    path.unlink()
    mine.write(path)
    mine.remove(path)
    assert not path.exists()


def test_no_file_is_no_store_and_nonsense_is_an_error(tmp_path: Path) -> None:
    """Missing is an answer; a damaged file says what to do."""
    path = tmp_path / "store.json"
    assert StoreFile.read(path) is None
    path.write_text('{"pid": 1')
    with pytest.raises(Terminal, match=r"not written by a store process\. Delete it"):
        StoreFile.read(path)
