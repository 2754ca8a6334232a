"""docs/testing.md does what it says: its files are written, its commands run, and what it shows is what they print."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.blocks import Block, blocks_of
from tests.support.house import ROOT, environment
from trackway import Tracker
from trackway._pytest_plugin import OFFLINE_INI, PLAN_INI, PLAN_OPTION
from trackway.testing import CollectedEvent, Collector, Tracked, TrackedEvent, record
from trackway.testing.snapshots import UPDATE_OPTION
from trackway_plan import EventSpec, Plan, PropertySpec, compile_release

PAGE = ROOT / "docs" / "testing.md"
BLOCKS = blocks_of(PAGE)
FAILURE = "Expected exactly one event"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `plan.json`, and a `pytest` that knows the plugin, installed or not."""
    folder = tmp_path_factory.mktemp("reader")
    properties = {"order_id": PropertySpec(kind="string"), "total": PropertySpec(kind="number")}
    plan = Plan(name="shop", events={"Order Completed": EventSpec(name="Order Completed", properties=properties)})
    (folder / "plan.json").write_bytes(compile_release(plan, 1).to_json())
    (folder / "bin").mkdir()
    program = folder / "bin" / "pytest"
    plugin = "-p no:trackway -p trackway._pytest_plugin -p no:cacheprovider"
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m pytest {plugin} "$@"\n')
    program.chmod(0o755)
    return folder


def run(folder: Path, block: Block) -> str:
    """Write the block's file, or run it; return what it printed."""
    name = re.match(r"# (\S+\.py)\n", block.text)
    if name:
        (folder / name[1]).write_text(block.text)
        return ""
    kept = {key: value for key, value in environment().items() if not key.startswith("TRACKWAY_")}
    kept["PATH"] = os.pathsep.join([str(folder / "bin"), os.environ["PATH"]])
    kept["PYTHONPATH"] = os.pathsep.join([str(folder), kept["PYTHONPATH"]])
    command = ["bash", "-e"] if block.language == "sh" else [sys.executable, "-"]
    done = subprocess.run(
        command, input=block.text, capture_output=True, text=True, cwd=folder, env=kept, timeout=120, check=False
    )
    assert done.returncode == 0, f"{block.text}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.language != "text"], ids=lambda block: block.id)
def test_block_runs(block: Block, folder: Path) -> None:
    """The block runs, after all before it; the text that the page shows behind it is what it printed."""
    printed = run(folder, block)
    number = BLOCKS.index(block)
    shown = BLOCKS[number + 1] if number + 1 < len(BLOCKS) else None
    if shown is not None and shown.language == "text" and not shown.text.startswith(FAILURE):
        assert shown.text in printed


def test_a_failure_reads_as_shown() -> None:
    """The message of a failing `only` is the one on the page."""
    shown = next(block.text for block in BLOCKS if block.text.startswith(FAILURE))
    tracker = Tracker("key")
    with record() as tracked:
        tracker.track("Order Completed", {"order_id": "o-1", "total": 12}, user_id="ana")
        tracker.track("Order Completed", {"order_id": "o-2", "total": 9}, user_id=None)
    with pytest.raises(AssertionError) as failure:
        tracked.only("Order Completed", total=12.5)
    assert f"{failure.value}\n" == shown


def test_everything_public_is_on_the_page() -> None:
    """Each option, fixture, and public name that a test may use is named."""
    page = PAGE.read_text("utf-8")
    names = {PLAN_OPTION, UPDATE_OPTION, PLAN_INI, OFFLINE_INI, "trackway_collector"}
    for kind in (Tracked, TrackedEvent, Collector, CollectedEvent):
        names |= {name for name in vars(kind) if not name.startswith("_")}
    # What the machinery calls, and what the class above explains in one word.
    names -= {
        "heard",
        "refused",
        "assert_violations_read",
        "line",
        "person",
        "type",
        "url",
        "rev",
        "kept_id",
        "write_key",
    }
    assert {name for name in names if not re.search(rf"\b{re.escape(name.lstrip('-'))}\b", page)} == set()
