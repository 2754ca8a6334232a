"""
Files of a plan that were read once already, for reading the same plan at another revision.

`breaking --against main` reads the plan twice, and the two differ in a few files. What a file of an event or a group
says depends on its content and on types.yaml alone, so an equal file is not parsed again; only its places are renamed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from ..errors import Problem
from ..model import Place
from .yaml_file import MAX_FILE_BYTES

Places = dict[tuple[str, ...], Place]
_Key = tuple[str, bytes, bytes]


@dataclass
class Memo:
    """(name, content, content of types.yaml) to what was read and the places it added."""

    _found: dict[_Key, tuple[Any, list[tuple[tuple[str, ...], Place]]]] = field(default_factory=dict)

    def read(
        self, path: Path, name: str, types: bytes, places: Places, problems: list[Problem], read: Callable[[], Any]
    ) -> Any:
        """What `read` makes of a file, or made of its twin; files with problems are always read."""
        content = content_of(path)
        if content is None:
            return read()
        key = (name, content, types)
        if key in self._found:
            (place, thing), added = self._found[key]
            file = str(path)
            places.update((at, _moved(was, file)) for at, was in added)
            return _moved(place, file), thing
        count, wrong = len(places), len(problems)
        found = read()
        if found is not None and len(problems) == wrong:
            self._found[key] = found, list(islice(places.items(), count, None))
        return found


def content_of(path: Path) -> bytes | None:
    """The bytes of a file, or None for one that is not there, too large, or cannot be read."""
    try:
        return path.read_bytes() if path.stat().st_size <= MAX_FILE_BYTES else None
    except OSError:
        return None


def _moved(place: Place, file: str) -> Place:
    return msgspec.structs.replace(place, file=file)
