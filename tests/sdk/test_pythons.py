"""
The lifecycle under every Python from 3.11 on that is here: how interpreters end differs between versions.

Found on PATH, in pyenv's directory, and in TRACKWAY_TEST_PYTHONS (paths, separated as in PATH). One that lacks what the
SDK needs gets an environment of its own in the cache directory, by pip; where that cannot be had, the test skips and
says so. Where there is only the Python that runs the tests, there is nothing to do.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sdk.test_lifecycle import ROOT

DEPENDENCIES = ["msgspec", "urllib3", "aiohttp"]
TESTS = ["test_lifecycle.py", "test_forks.py", "test_signals.py", "test_async_tracker.py"]
"""Those whose programs run in processes of their own."""
HERE = f"{sys.version_info.major}.{sys.version_info.minor}"
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "trackway-tests" / "pythons"


def version_of(python: Path) -> str:
    """Return "3.13.0", '' for what is no Python."""
    program = "import platform; print(platform.python_version())"
    try:
        done = subprocess.run([python, "-c", program], capture_output=True, text=True, timeout=30)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def candidates() -> list[Path]:
    """Return files that may be Pythons, those that were named first."""
    named = [Path(name) for name in os.environ.get("TRACKWAY_TEST_PYTHONS", "").split(os.pathsep) if name]
    directories = [Path(name) for name in os.environ.get("PATH", "").split(os.pathsep) if name]
    directories += sorted((Path.home() / ".pyenv" / "versions").glob("3.*/bin"))
    for directory in directories:
        named += [file for file in sorted(directory.glob("python3.*")) if re.fullmatch(r"python3\.\d+", file.name)]
    return named


def others() -> dict[str, Path]:
    """Return the newest Python of each minor version from 3.11 on, but the one that runs the tests."""
    found: dict[str, Path] = {}
    for python in candidates():
        minor = re.fullmatch(r"python3\.(\d+)", python.name)
        if minor is not None and (int(minor[1]) < 11 or f"3.{minor[1]}" in found):
            continue
        version = version_of(python)
        short = version.rpartition(".")[0]
        if version and int(short.partition(".")[2]) >= 11 and short != HERE:
            found.setdefault(short, python)
    return found


def with_dependencies(python: Path) -> Path:
    """Return a Python of the same version that can import what the SDK needs."""
    check = f"import {', '.join(DEPENDENCIES)}"
    if subprocess.run([python, "-c", check], capture_output=True).returncode == 0:
        return python
    environment = CACHE / version_of(python)
    own = environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not own.exists() or subprocess.run([own, "-c", check], capture_output=True).returncode != 0:
        subprocess.run([python, "-m", "venv", environment], capture_output=True)
        made = subprocess.run([own, "-m", "pip", "install", "-q", *DEPENDENCIES], capture_output=True, text=True)
        if made.returncode != 0:
            pytest.skip(f"{python} lacks {', '.join(DEPENDENCIES)}, and pip could not get them: {made.stderr[-500:]}")
    return own


OTHERS = others() if "TRACKWAY_TEST_PYTHON" not in os.environ else {}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("version", sorted(OTHERS) or ["no other"])
def test_processes_end_well_under_every_python(version: str, tmp_path: Path) -> None:
    """Exits, forks, signals and loops: the same tests, their programs run by another interpreter."""
    if version not in OTHERS:
        return
    python = with_dependencies(OTHERS[version])
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", f"--basetemp={tmp_path / 'tests'}"]
    done = subprocess.run(
        [*command, *(str(ROOT / "tests" / "sdk" / name) for name in TESTS)],
        cwd=ROOT,
        env={**os.environ, "TRACKWAY_TEST_PYTHON": str(python)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-5000:]
