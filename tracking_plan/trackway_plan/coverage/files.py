"""The source files below some paths; what is not read, is named with the reason."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

PYTHON = frozenset({".py", ".pyi"})
SCRIPT = frozenset({".js", ".jsx", ".mjs", ".cjs", ".ts", ".tsx", ".mts", ".cts"})
MAX_BYTES = 1024 * 1024
"""Larger files are bundles and data, not source."""

_FOLDERS = """
node_modules bower_components .venv venv .git .hg .tox .nox .mypy_cache .ruff_cache .pytest_cache __pycache__
site-packages .next dist build .yarn
"""
SKIPPED_FOLDERS = frozenset(_FOLDERS.split())


@dataclass
class SourceFiles:
    """Walks the paths once; `skipped` is filled meanwhile."""

    paths: Iterable[Path]
    skipped: list[tuple[str, str]] = field(default_factory=list)

    def __iter__(self) -> Iterator[tuple[Path, Path, bytes]]:
        """Each source file as (path, the given path it is below, content), in the order of names, each once."""
        seen: set[tuple[int, int]] = set()
        for root in self.paths:
            for path in self._below(root):
                content = self._content(path, seen)
                if content is not None:
                    yield path, root, content

    def _below(self, root: Path) -> Iterator[Path]:
        if root.is_file():
            yield root
            return
        # Links to folders are not followed, so a loop of them cannot trap the walk.
        for folder, folders, files in os.walk(root, followlinks=False):
            for name in sorted(folders):
                if name in SKIPPED_FOLDERS or (Path(folder) / name / "pyvenv.cfg").exists():
                    self.skipped.append((str(Path(folder) / name), "installed or built, not source"))
                elif (Path(folder) / name).is_symlink():
                    self.skipped.append((str(Path(folder) / name), "a link to a folder"))
            folders[:] = sorted(
                name
                for name in folders
                if name not in SKIPPED_FOLDERS and not (Path(folder) / name / "pyvenv.cfg").exists()
            )
            for name in sorted(files):
                if Path(name).suffix.lower() in PYTHON | SCRIPT:
                    yield Path(folder) / name

    def _content(self, path: Path, seen: set[tuple[int, int]]) -> bytes | None:
        why = ""
        try:
            about = path.stat()
            if (about.st_dev, about.st_ino) in seen:
                return None
            seen.add((about.st_dev, about.st_ino))
            if not path.is_file():
                why = "not a file"
            elif about.st_size > MAX_BYTES:
                why = f"{about.st_size:,} bytes; files up to {MAX_BYTES:,} are read"
            else:
                content = path.read_bytes()
                if b"\0" not in content[:8192]:
                    return content
                why = "binary"
        except OSError as error:
            why = f"cannot be read: {error.strerror}"
        self.skipped.append((str(path), why))
        return None
