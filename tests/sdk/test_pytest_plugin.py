from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from trackway_plan import Release

ROOT = Path(__file__).parents[2]
TEST = """
from trackway import PlanViolationError, Tracker
from trackway.testing import RecordingTransport
import pytest

@pytest.mark.parametrize("given", [None, "flag"])
def test_policy(given):
    tracker = Tracker("key", plan="plan.json", transport=RecordingTransport(), on_violation=given)
    assert tracker.options.on_violation == (given or "EXPECTED")
    if tracker.options.on_violation == "raise":
        with pytest.raises(PlanViolationError):
            tracker.track("Order Complete", user_id="ana")
    else:
        assert tracker.track("Order Complete", user_id="ana")
"""


@pytest.mark.parametrize(("plugin", "expected"), [(["-p", "trackway._pytest_plugin"], "raise"), ([], "flag")])
def test_under_the_plugin_a_violation_fails_the_test(
    tmp_path: Path, shop_release: Release, plugin: list[str], expected: str
) -> None:
    """
    With the plugin the default is "raise", without it "flag", and what the program asks for wins over both.
    """
    (tmp_path / "plan.json").write_bytes(shop_release.to_json())
    (tmp_path / "test_it.py").write_text(TEST.replace("EXPECTED", expected))
    done = subprocess.run(
        # Installed, the plugin loads by its entry point; here its presence is the subject.
        [sys.executable, "-m", "pytest", "-q", "-p", "no:trackway", "-p", "no:cacheprovider", *plugin, "."],
        cwd=tmp_path,
        env={"PYTHONPATH": f"{ROOT / 'sdk'}:{ROOT / 'tracking_plan'}", "PATH": ""},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "2 passed" in done.stdout, done.stdout + done.stderr
