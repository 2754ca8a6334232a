"""
Snapshots: what a test emitted, as a JSON file beside it, to be read in review.

    tests/test_checkout.py ─▶ tests/snapshots/test_checkout/test_pays.json, test_pays-second.json
"""

from __future__ import annotations

import difflib
import re
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from trackway.testing.events import TrackedEvent

FOLDER = "snapshots"
UPDATE_OPTION = "--trackway-update"
LONGEST_NAME = 120
"""Characters of a file's name; file systems take 255 bytes."""

_UUID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", re.IGNORECASE)
_UNSAFE = re.compile(r"[^\w.=+\[\]-]+")


class Snapshots:
    """The snapshots of one test."""

    def __init__(self, test_file: Path, test_name: str, *, update: bool) -> None:
        """Keep them in `snapshots/` beside the test's file; with `update`, write them instead of comparing."""
        self._directory = test_file.parent / FOLDER / test_file.stem
        self._test = test_name
        self._update = update
        self._checked: set[Path] = set()

    def check(self, name: str, events: Sequence[dict[str, Any]]) -> None:
        """Compare with the file; raises AssertionError with the difference, or when there is no file yet."""
        __tracebackhide__ = True
        path = self._path(name)
        if path in self._checked:
            msg = f"The test compares {path.name} twice. Give each its name: tracked.assert_matches('after paying')."
            raise AssertionError(msg)
        self._checked.add(path)
        text = as_text(events)
        if self._update:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8", newline="\n")
            return
        if not path.exists():
            msg = f"There is no snapshot yet: {path}\n  Write it with: pytest {UPDATE_OPTION}\n\n{text}"
            raise AssertionError(msg)
        kept = path.read_text("utf-8")
        if kept != text:
            lines = difflib.unified_diff(kept.splitlines(), text.splitlines(), str(path), "emitted", lineterm="")
            msg = "\n".join(["The events are not those of the snapshot.", *lines])
            raise AssertionError(f"{msg}\n  If they are as they should be: pytest {UPDATE_OPTION}")  # noqa: EM102

    def _path(self, name: str) -> Path:
        stem = f"{self._test}-{name}" if name else self._test
        safe = _UNSAFE.sub("_", stem)[:LONGEST_NAME]
        if safe != stem:  # two names that are alike once they are safe are two files
            safe += f"-{zlib.crc32(stem.encode()):08x}"
        return self._directory / f"{safe}.json"


def as_text(events: Sequence[dict[str, Any]]) -> str:
    """Return the JSON text of a snapshot, its members in the order of the wire."""
    return msgspec.json.format(msgspec.json.encode(events), indent=2).decode() + "\n"


def normalised(events: Iterable[TrackedEvent], *, ignore: Sequence[str], timestamps: bool) -> list[dict[str, Any]]:
    """Return plain events in which only what the program decided is left; see `Tracked.snapshot`."""
    numbers: dict[str, str] = {}
    return [_normalised(event, numbers, ignore, timestamps=timestamps) for event in events]


def _normalised(
    event: TrackedEvent, numbers: dict[str, str], ignore: Sequence[str], *, timestamps: bool
) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(event.raw))  # a deep copy
    del plain["messageId"]
    if not timestamps:
        del plain["timestamp"]
    context = plain.get("context", {})
    context.pop("library", None)
    # The revision changes with every release of the plan; the events need not.
    protocols = context.pop("protocols", {})
    if protocols.get("violations"):
        context["violations"] = protocols["violations"]
    if not context:
        plain.pop("context", None)
    for path in ignore:
        _ignore(plain, path.split("."))
    numbered: dict[str, Any] = _numbered(plain, numbers)
    return numbered


def _ignore(value: Any, path: list[str]) -> None:
    if isinstance(value, list):
        for item in value:
            _ignore(item, path)
    elif isinstance(value, dict) and path[0] in value:
        if len(path) == 1:
            value[path[0]] = "<ignored>"
        else:
            _ignore(value[path[0]], path[1:])


def _numbered(value: Any, numbers: dict[str, str]) -> Any:
    if isinstance(value, str):
        return _UUID.sub(lambda found: numbers.setdefault(found[0].lower(), f"<uuid {len(numbers) + 1}>"), value)
    if isinstance(value, dict):
        return {name: _numbered(member, numbers) for name, member in value.items()}
    if isinstance(value, list):
        return [_numbered(item, numbers) for item in value]
    return value
