"""`trackway demo` as a newcomer runs it: the whole way of 168,156 events, with a kill in the middle."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from trackway_collector.warehouse.store_file import StoreFile

pytest.importorskip("chdb", reason="chDB is not installed: pip install 'trackway[embedded]'")


def command(data_dir: Path, *options: str) -> list[str]:
    """Return the command line of a demo on `data_dir`."""
    return [sys.executable, "-m", "trackway", "demo", "--data-dir", str(data_dir), *options]


@pytest.fixture
def environment() -> dict[str, str]:
    """The environment of a person's wide terminal; packages are found as they are by these tests."""
    path = os.pathsep.join(entry for entry in sys.path if entry)
    return os.environ | {"PYTHONPATH": path, "COLUMNS": "160", "NO_COLOR": "1"}


def test_the_demo_keeps_its_promises(tmp_path: Path, environment: dict[str, str]) -> None:
    """
    Killed once, nothing lost, nothing twice; four answers that meet the published figures; the incident is
    found.
    """
    done = subprocess.run(
        command(tmp_path / "demo", "--once"), env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    text = re.sub(r"\s+", " ", done.stdout)
    assert "sent 168,156 = acked 168,156 = stored 168,156, collector killed once (SIGKILL), 0 lost, 0 twice." in text
    for title in (
        "Funnel: real app log",
        "Paths: real app log",
        "Retention: synthetic",
        "Attribution: sample",
    ):
        assert title in text
    assert "✓ As published by the log's authors: 1,022 / 512 / 173 of 3,605 sessions." in text
    assert "✓ All 36 credits" in text
    assert "The checkout broke at payment_details → purchase in the weeks of 20 May and 27 May 2024." in text
    assert re.search(r"Console: http://127\.0\.0\.1:\d+/\?token=\S+", done.stdout)
    assert StoreFile.read_running(tmp_path / "demo" / "store.json") is None


def test_whatever_ends_the_demo_ends_its_collector(tmp_path: Path, environment: dict[str, str]) -> None:
    """SIGTERM in mid-replay leaves no process behind."""
    data_dir = tmp_path / "demo"
    demo = subprocess.Popen(command(data_dir), env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    store = None
    while store is None and demo.poll() is None:
        store = StoreFile.read_running(data_dir / "store.json")
        time.sleep(0.05)
    assert store is not None
    demo.send_signal(signal.SIGTERM)
    assert demo.wait(60) == 128 + signal.SIGTERM
    assert not store.is_running()


def test_a_directory_with_other_files_is_refused(tmp_path: Path, environment: dict[str, str]) -> None:
    """The demo says so, exits 1, and touches nothing."""
    (tmp_path / "thesis.txt").write_text("the only copy")
    done = subprocess.run(command(tmp_path, "--once"), env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "--data-dir" in done.stderr
    assert (tmp_path / "thesis.txt").read_text() == "the only copy"
