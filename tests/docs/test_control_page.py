"""docs/control.md does what it says: its blocks are one program, which prints what the page shows."""

from __future__ import annotations

import subprocess
import sys

from tests.docs.blocks import blocks_of
from tests.support.house import ROOT, environment
from trackway import Dropped, Options
from trackway._capture import Capture

PAGE = ROOT / "docs" / "control.md"
BLOCKS = blocks_of(PAGE)


def test_the_page_is_a_program_that_prints_what_it_shows() -> None:
    """Each block runs after those before it; the text behind it is all that it printed."""
    programs = [block for block in BLOCKS if block.language == "python"]
    assert len(programs) > 5
    text = "".join(f"{block.text}\nprint('--- end of block')\n" for block in programs)
    kept = {name: value for name, value in environment().items() if not name.startswith("TRACKWAY_")}
    done = subprocess.run(
        [sys.executable, "-"], input=text, capture_output=True, text=True, env=kept, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    printed = done.stdout.split("--- end of block\n")
    assert printed == [block.output for block in programs] + [""]


def test_the_page_names_what_there_is() -> None:
    """Every option of this kind, every policy and every reason that was asked for."""
    text = PAGE.read_text("utf-8")
    options = (
        "before_send",
        "sample",
        "consent_default",
        "consent_categories",
        "super_properties",
        "on_drop",
        "on_error",
    )
    for name in (*options, "overflow", "block_timeout_s"):
        assert name in Options.__dataclass_fields__
        assert f"`{name}" in text
    for reason in Dropped:
        assert not reason.asked_for or f"`{reason.value}`" in text
    for call in ("consent", "register", "unregister", "purge"):
        assert hasattr(Capture, call)
        assert f"{call}(" in text or f"`{call}`" in text
