"""
Where the clients are installed: `.clients/` of this checkout, a folder for each Python client and one for npm's.

They are nobody's dependencies, and their own contradict each other. What is installed is pinned by `requirements/` and
`npm/package-lock.json`; where it comes from is the configuration of pip and npm. A folder is made at its first use,
under a name that changes with the pins and the Python, and only a whole one ever has its name.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.clients.catalogue import CLIENTS, Client

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
KEPT = ROOT / ".clients"
NPM = "npm"


def folder_of(client: Client) -> Path:
    """Return where a client is: a folder for PYTHONPATH, or npm's."""
    return _folder(client.name) if client.runtime == "python" else npm_folder()


def npm_folder() -> Path:
    """Return the folder with `node_modules`."""
    return _folder(NPM)


def install_all() -> None:
    """
    Install what is not there yet.

    Raises:
        RuntimeError: pip or npm could not; the message has the end of what it said.
    """
    KEPT.mkdir(exist_ok=True)
    names = {client.name if client.runtime == "python" else NPM for client in CLIENTS}
    with ThreadPoolExecutor() as pool:
        list(pool.map(_keep, names))


def _pins(name: str) -> list[Path]:
    if name == NPM:
        return [HERE / "npm" / "package.json", HERE / "npm" / "package-lock.json"]
    return [HERE / "requirements" / f"{name}.txt"]


def _folder(name: str) -> Path:
    pinned = b"\0".join([sys.version.encode(), *(pin.read_bytes() for pin in _pins(name))])
    return KEPT / f"{name}-{hashlib.sha256(pinned).hexdigest()[:8]}"


def _keep(name: str) -> None:
    folder = _folder(name)
    if folder.exists():
        return
    with tempfile.TemporaryDirectory(dir=KEPT) as scratch:
        made = Path(scratch) / name
        made.mkdir()
        if name == NPM:
            _npm(made)
        else:
            _pip(_pins(name)[0], made)
        try:
            made.rename(folder)
        except OSError:
            if not folder.exists():  # another test process was faster
                raise


def _pip(requirements: Path, folder: Path) -> None:
    options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--target", str(folder)]
    _run([sys.executable, "-m", "pip", "install", *options, "--requirement", str(requirements)], folder)


def _npm(folder: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        message = "The clients of the browser and of node are fetched with npm. On Debian: apt-get install npm"
        raise RuntimeError(message)
    for pin in _pins(NPM):
        shutil.copy(pin, folder)
    # Not `npm ci`, which wants every optional package of every platform from the registry, too.
    options = ["--no-save", "--silent", "--ignore-scripts", "--omit=optional", "--no-audit", "--no-fund"]
    _run([npm, "install", *options], folder)


def _run(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode:
        message = f"{' '.join(command)} ended with {done.returncode}: {(done.stderr + done.stdout).strip()[-1000:]}"
        raise RuntimeError(message)
