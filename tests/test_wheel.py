"""What `pip install trackway` brings, from a wheel built of this checkout."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel, built without network."""
    pytest.importorskip("hatchling", reason="hatchling is not installed: pip install hatchling")
    directory = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(directory)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return zipfile.ZipFile(next(directory.glob("*.whl")))


def test_every_file_of_the_packages_ships(wheel: zipfile.ZipFile) -> None:
    """SQL, templates, data sets and type markers are in the wheel beside the code."""
    shipped = set(wheel.namelist())
    for folder, package in (
        ("sdk", "trackway"),
        ("tracking_plan", "trackway_plan"),
        ("collector", "trackway_collector"),
        ("analytics", "trackway_analytics"),
    ):
        for path in (ROOT / folder / package).rglob("*"):
            if path.is_file() and path.suffix != ".pyc":
                assert path.relative_to(ROOT / folder).as_posix() in shipped


@pytest.mark.parametrize("package", ["trackway", "trackway_plan", "trackway_collector", "trackway_analytics"])
def test_types_ship(wheel: zipfile.ZipFile, package: str) -> None:
    """Each package carries the marker by which type checkers read its annotations (PEP 561)."""
    assert f"{package}/py.typed" in wheel.namelist()


def test_the_demo_plan_ships(wheel: zipfile.ZipFile) -> None:
    """`trackway demo` finds its plan in an installed package."""
    assert "trackway_plan/examples/demo/releases/0001.json" in wheel.namelist()


def test_nothing_else_ships(wheel: zipfile.ZipFile) -> None:
    """No tests, no documentation sources, no bare folder names at the top."""
    tops = {name.partition("/")[0] for name in wheel.namelist()}
    packages = {"trackway", "trackway_plan", "trackway_collector", "trackway_analytics"}

    assert packages == {top for top in tops if not top.endswith(".dist-info")}
