from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import trackway
import trackway.testing

ROOT = Path(__file__).parents[2]


def public_names() -> set[str]:
    """Return what a program may use: what the modules list, and the members of the trackers and of the books."""
    names = {name for module in (trackway, trackway.testing) for name in module.__all__}
    for kind in (trackway.Tracker, trackway.AsyncTracker, trackway.Stats):
        names |= {name for name in dir(kind) if not name.startswith("_")}
    return names


def test_every_public_name_is_checked() -> None:
    """What is added to the API is used in these files, so that its types are looked at."""
    text = "".join(file.read_text("utf-8") for file in Path(__file__).parent.glob("*.py") if file.name != "test_api.py")
    assert {name for name in public_names() if not re.search(rf"\b{name}\b", text)} == set()


@pytest.mark.parametrize(
    "checker", [["mypy", "--strict"], ["pyright", "--pythonpath", sys.executable]], ids=lambda c: c[0]
)
@pytest.mark.parametrize("file", ["api.py", "integrations.py"])
def test_the_public_api_type_checks(checker: list[str], file: str) -> None:
    """
    Both type checkers accept right uses and refuse wrong ones: mypy counts an ignore that is not needed as an
    error.
    """
    pytest.importorskip(checker[0], reason=f"{checker[0]} is not installed (group dev)")
    done = subprocess.run(
        [sys.executable, "-m", *checker, f"tests/typing/{file}"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
