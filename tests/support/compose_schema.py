"""The schema of compose files, from an npm package, kept in the user's cache directory."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Any

NPM_PACKAGE = "dclint"
NPM_VERSION = "3.1.0"
SCHEMA = "package/schemas/compose.schema.json"


def compose_schema() -> dict[str, Any]:
    """Return the JSON schema of the Compose Specification, fetched with npm the first time."""
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "trackway"
    kept = root / f"{NPM_PACKAGE}-{NPM_VERSION}-compose.schema.json"
    if not kept.exists():
        npm = shutil.which("npm")
        assert npm, f"the schema is fetched with npm ({NPM_PACKAGE}), and npm is not installed"
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=root) as scratch:
            subprocess.run([npm, "pack", f"{NPM_PACKAGE}@{NPM_VERSION}", "--silent"], cwd=scratch, check=True)
            with tarfile.open(next(Path(scratch).glob("*.tgz"))) as archive:
                archive.extract(SCHEMA, scratch, filter="data")
            # Only a whole file ever has the final name.
            (Path(scratch) / SCHEMA).replace(kept)
    schema: dict[str, Any] = json.loads(kept.read_text("utf-8"))
    return schema
