from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


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
