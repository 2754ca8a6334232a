"""
Where the clients are installed: `.clients/` of this checkout, a folder for each Python client and one for npm's.

They are nobody's dependencies, and their own contradict each other. What is installed is pinned by `requirements/` and
`npm/package-lock.json`; where it comes from is the configuration of pip and npm. A folder is made at its first use and
again when the pins, or the Python, change; only a whole one ever has its final name.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.clients.catalogue import CLIENTS, Client

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
KEPT = ROOT / ".clients"
NPM = "npm"


def folder_of(client: Client) -> Path:
    """Return where a client is: a folder for PYTHONPATH, or the one with `node_modules`."""
    return KEPT / (client.name if client.runtime == "python" else NPM)


def install_all() -> None:
    """
    Install what is not there yet.

    Raises:
        RuntimeError: pip or npm could not; the message has the end of what it said.
    """
    KEPT.mkdir(exist_ok=True)
    python = [client.name for client in CLIENTS if client.runtime == "python"]
    with ThreadPoolExecutor() as pool:
        jobs = [pool.submit(_keep, name, [_requirements(name)], _pip) for name in python]
        jobs.append(pool.submit(_keep, NPM, [HERE / "npm" / "package.json", HERE / "npm" / "package-lock.json"], _npm))
        for job in jobs:
            job.result()


def _requirements(name: str) -> Path:
    return HERE / "requirements" / f"{name}.txt"


def _keep(name: str, pins: list[Path], install: Callable[[str, Path], None]) -> None:
    wanted = hashlib.sha256(b"\0".join([sys.version.encode(), *(pin.read_bytes() for pin in pins)])).hexdigest()
    done = KEPT / name / "pins.sha256"
    if done.exists() and done.read_text("utf-8") == wanted:
        return
    shutil.rmtree(KEPT / name, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=KEPT) as scratch:
        folder = Path(scratch) / name
        folder.mkdir()
        install(name, folder)
        (folder / done.name).write_text(wanted, "utf-8")
        folder.rename(KEPT / name)


def _pip(name: str, folder: Path) -> None:
    options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--target", str(folder)]
    _run([sys.executable, "-m", "pip", "install", *options, "--requirement", str(_requirements(name))], folder)


def _npm(name: str, folder: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        message = "The clients of the browser and of node are fetched with npm. On Debian: apt-get install npm"
        raise RuntimeError(message)
    for file in (HERE / NPM).glob("*.json"):
        shutil.copy(file, folder)
    # Not `npm ci`, which wants every optional package of every platform from the registry, too.
    options = ["--no-save", "--silent", "--ignore-scripts", "--omit=optional", "--no-audit", "--no-fund"]
    _run([npm, "install", *options], folder)


def _run(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode:
        message = f"{' '.join(command)} ended with {done.returncode}: {(done.stderr + done.stdout).strip()[-1000:]}"
        raise RuntimeError(message)
