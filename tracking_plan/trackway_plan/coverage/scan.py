"""Scan files of every language that is known."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ..model import CodeCoverage
from .calls import Scan
from .files import PYTHON, SourceFiles
from .python_scan import scan_python

Source = tuple[Path, Path, bytes]
"""A file, the given path it is below, and its content."""


class ParserMissingError(Exception):
    """There are JavaScript or TypeScript files, and the parser for them is not installed."""


def scan(paths: Iterable[Path], settings: CodeCoverage, also: Iterable[Path] = ()) -> Scan:
    """
    Every call that sends an event, below `paths`.

    Args:
        settings: wrappers and receivers, from plan.yaml.
        also: files that are read for what they define, such as generated clients outside `paths`.

    Raises:
        ParserMissingError: a script is among the files, and tree-sitter is not installed; the message says how to.
    """
    found = Scan()
    files = SourceFiles([*paths, *(path for path in also if path.is_file())], found.skipped)
    python: list[Source] = []
    scripts: list[Source] = []
    for path, root, content in files:
        found.files += 1
        (python if path.suffix.lower() in PYTHON else scripts).append((path, root, content))
    scan_python(python, settings, found)
    if scripts:
        try:
            from .script_scan import scan_scripts
        except ModuleNotFoundError as error:
            message = (
                f"{scripts[0][0]}: JavaScript and TypeScript need a parser ({error.name} is missing).\n"
                '  Install it: pip install "trackway[coverage]".'
            )
            raise ParserMissingError(message) from error
        scan_scripts(scripts, settings, found)
    found.calls.sort(key=lambda call: (call.place.file, call.place.line, call.place.column))
    return found
