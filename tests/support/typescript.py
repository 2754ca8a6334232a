"""
The TypeScript compiler for tests: one npm package, kept in the user's cache directory, run by node.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path

NPM_PACKAGE = "typescript"
NPM_VERSION = "5.9.3"


class CompilerMissingError(Exception):
    """There is no compiler here; the message says what is missing."""


def tsc(files: Sequence[Path], *options: str) -> subprocess.CompletedProcess[str]:
    """
    Run `tsc --strict` over files, without output; what it found is on stdout.

    Raises:
        CompilerMissingError: no node, no npm, or no network at the first use.
    """
    node = shutil.which("node")
    if node is None:
        message = "TypeScript needs node, which is not installed"
        raise CompilerMissingError(message)
    strict = ["--strict", "--noEmit", "--exactOptionalPropertyTypes", "--noUnusedLocals", "--noUncheckedIndexedAccess"]
    command = [node, str(fetch_compiler()), *strict, "--target", "es2022", "--lib", "es2022", *options]
    return subprocess.run([*command, *map(str, files)], capture_output=True, text=True, check=False)


def fetch_compiler() -> Path:
    """
    `tsc.js` in the user's cache, fetched with npm the first time.

    Raises:
        CompilerMissingError: no npm, or no network.
    """
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "trackway"
    cache = root / f"{NPM_PACKAGE}-{NPM_VERSION}"
    compiler = cache / "lib" / "tsc.js"
    if compiler.exists():
        return compiler
    npm = shutil.which("npm")
    if npm is None:
        message = f"the compiler is fetched with npm ({NPM_PACKAGE}), and npm is not installed"
        raise CompilerMissingError(message)
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=root) as scratch:
        fetched = subprocess.run(
            [npm, "pack", f"{NPM_PACKAGE}@{NPM_VERSION}", "--silent"],
            cwd=scratch,
            capture_output=True,
            check=False,
        )
        archives = list(Path(scratch).glob("*.tgz"))
        if fetched.returncode or not archives:
            message = f"npm could not fetch {NPM_PACKAGE}: {fetched.stderr.decode(errors='replace').strip()[-300:]}"
            raise CompilerMissingError(message)
        with tarfile.open(archives[0]) as archive:
            archive.extractall(scratch, filter="data")
        # Only a whole package ever has the final name; somebody else may have been faster.
        if not compiler.exists():
            (Path(scratch) / "package").rename(cache)
    return compiler
