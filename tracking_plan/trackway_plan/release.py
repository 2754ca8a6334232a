"""
Releases: a whole plan frozen into one JSON file that SDK, collector and analytics read without YAML.

    Plan ── compile_release ─▶ Release ── write_release ─▶ releases/0003.json ── Release.load ─▶ Release

Groups and named types are expanded in place. The file is canonical (sorted keys, two spaces), and its `hash`
is the first 12 hex digits of the SHA-256 of its content without `rev`, `hash` and `created`: equal plans have
equal hashes, and an edit by hand is found when the file is read.
"""

from __future__ import annotations

import hashlib
import os
import re
from datetime import date
from pathlib import Path

import msgspec

from .errors import ReleaseError, ReleaseExistsError
from .model import DEFAULT_POLICY, FORMAT, Base, EventSpec, Plan, PropertySpec, Source

_FILE_NAME = re.compile(r"(\d{4,9})\.json")


class Release(Base, frozen=True, kw_only=True):
    """A frozen plan: `name` and `rev` say which, `hash` says what is in it."""

    name: str = msgspec.field(name="plan")
    rev: int
    format: int = msgspec.field(default=0)
    hash: str = ""
    created: str = ""
    """The day it was written (ISO date), or "" for one that was compiled in memory."""
    summary: str = ""
    sources: dict[str, Source] = msgspec.field(default_factory=dict)
    events: dict[str, EventSpec] = msgspec.field(default_factory=dict)
    traits: dict[str, dict[str, PropertySpec]] = msgspec.field(default_factory=dict)
    on_violation: dict[str, str] = msgspec.field(default_factory=dict)

    def to_json(self) -> bytes:
        """The canonical file content, ending in a newline."""
        return msgspec.json.format(msgspec.json.encode(self, order="sorted"), indent=2) + b"\n"

    @classmethod
    def from_json(cls, content: bytes, path: str = "") -> Release:
        """
        The release in a file's content; `path` is only for messages.

        Raises:
            ReleaseError: it is not a release, is of a newer format, or does not have the hash it states.
        """
        try:
            stated = msgspec.json.decode(content, type=_Stated)
            if stated.format != FORMAT:
                message = (
                    f"this release has format {stated.format}, and this version reads format {FORMAT}.\n"
                    "  Install the version of trackway that wrote it, or release the plan again."
                )
                raise ReleaseError(message, path)
            release = msgspec.json.decode(content, type=cls)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            message = f"this is not a release: {error}\n  Write one with `trackway plan release`."
            raise ReleaseError(message, path) from error
        actual = content_hash(release)
        if release.hash != actual:
            message = (
                f"the content has hash {actual} but states {release.hash or 'none'}: it was edited by hand.\n"
                "  Releases are immutable. Take it back from Git, change the YAML, and release again."
            )
            raise ReleaseError(message, path)
        return release

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Release:
        """
        The release in a file.

        Raises:
            ReleaseError: as `from_json`, or the file cannot be read.
        """
        try:
            content = Path(path).read_bytes()
        except OSError as error:
            message = f"this release cannot be read: {error.strerror}."
            raise ReleaseError(message, os.fspath(path)) from error
        return cls.from_json(content, os.fspath(path))


class _Stated(msgspec.Struct):
    plan: str
    rev: int
    format: int


def content_hash(release: Release) -> str:
    """The 12 hex digits that name what is in a release, whatever its number and day."""
    bare = msgspec.structs.replace(release, rev=0, hash="", created="")
    return hashlib.sha256(msgspec.json.encode(bare, order="sorted")).hexdigest()[:12]


def compile_release(plan: Plan, rev: int, created: date | None = None) -> Release:
    """The plan as release number `rev`, with groups put in place and policy defaults filled in."""
    release = Release(
        name=plan.name,
        rev=rev,
        format=FORMAT,
        created=created.isoformat() if created else "",
        summary=plan.summary,
        sources=plan.sources,
        events=events_in_place(plan),
        traits=plan.traits,
        on_violation=DEFAULT_POLICY | plan.on_violation,
    )
    release = msgspec.structs.replace(release, hash=content_hash(release))
    # Read back, so that it is the very value that reading the file gives, in the same order.
    return msgspec.json.decode(msgspec.json.encode(release, order="sorted"), type=Release)


def events_in_place(plan: Plan) -> dict[str, EventSpec]:
    """The plan's events with the properties of their groups among their own."""
    return {name: _in_place(plan, event) for name, event in plan.events.items()}


def _in_place(plan: Plan, event: EventSpec) -> EventSpec:
    properties = dict(event.properties)
    for group in included(plan, (*plan.everywhere, *event.include)):
        for name, spec in plan.groups[group].properties.items():
            properties.setdefault(name, msgspec.structs.replace(spec, group=group))
    # Waivers are the linter's business and change no verdict.
    return msgspec.structs.replace(event, properties=properties, include=(), waive=())


def included(plan: Plan, names: tuple[str, ...]) -> list[str]:
    """These groups and all they include, each once, in the order met; unknown ones are left out."""
    found: dict[str, None] = {}
    waiting = list(names)
    while waiting:
        name = waiting.pop(0)
        if name in plan.groups and name not in found:
            found[name] = None
            waiting.extend(plan.groups[name].include)
    return list(found)


def released_files(directory: Path) -> dict[int, Path]:
    """Revision to file of every release of the plan in `directory`, in rising order."""
    found = {}
    for path in (directory / "releases").glob("*.json"):
        if match := _FILE_NAME.fullmatch(path.name):
            found[int(match[1])] = path
    return dict(sorted(found.items()))


def latest_release(directory: Path) -> Release | None:
    """
    The newest release of the plan in `directory`, or None if there is none.

    Raises:
        ReleaseError: the file is damaged, or states another number than its name.
    """
    files = released_files(directory)
    if not files:
        return None
    rev, path = files.popitem()
    release = Release.load(path)
    if release.rev != rev:
        message = f"the file is named {rev} but states rev {release.rev}; give it back its name."
        raise ReleaseError(message, str(path))
    return release


def write_release(plan: Plan, directory: Path, created: date | None = None) -> tuple[Release, Path | None]:
    """
    Freeze the plan as its next release and return it with its file, or the latest and None if nothing has
    changed.

    Raises:
        ReleaseError: the latest release cannot be read.
        ReleaseExistsError: somebody has written that number meanwhile; nothing is overwritten.
    """
    latest = latest_release(directory)
    release = compile_release(plan, latest.rev + 1 if latest else 1, created)
    if latest is not None and latest.hash == release.hash:
        return latest, None
    path = directory / "releases" / f"{release.rev:04}.json"
    path.parent.mkdir(exist_ok=True)
    try:
        with path.open("xb") as file:
            file.write(release.to_json())
    except FileExistsError as error:
        message = f"{path}: it exists already.\n  Releases are immutable: release again for the next number."
        raise ReleaseExistsError(message) from error
    return release, path
