"""
The live releases of a plan: every one in its folder, read at the start and again when the folder changes.

    releases/0001.json … ─▶ ReleaseFolder.refresh ─▶ LiveReleases ─┬─▶ ingest: the stamped one judges an event
                                                                 └─▶ store: the newest decides on typed columns

A release is immutable. A file that cannot be read, or that says something else under a revision that is live, is
refused with a log line and a metric, and what was live stays. A file that is taken away stays live until the restart:
clients that carry its stamp are still out there.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import signal
import sys
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from trackway_collector.errors import ConfigError
from trackway_plan import Release
from trackway_plan.errors import ReleaseError
from trackway_plan.redact import Redactor

logger = logging.getLogger(__name__)

POLL_S = 1.0
"""How often the folder is looked at; SIGHUP looks at once."""

_NUMBER = re.compile(r"[0-9]{4,9}")


class Stamp(NamedTuple):
    """What a client says it was checked against: `context.protocols`."""

    plan: object
    rev: object
    hash: object


@dataclass(frozen=True, slots=True)
class LiveReleases:
    """The releases that events may be stamped with."""

    by_rev: Mapping[int, Release]
    """In rising order, at least one."""

    @classmethod
    def of(cls, releases: Iterable[Release]) -> LiveReleases:
        """The live releases, in order."""
        return cls({release.rev: release for release in sorted(releases, key=lambda release: release.rev)})

    @property
    def newest(self) -> Release:
        """The one that judges events without a stamp that is known."""
        return self.by_rev[max(self.by_rev)]

    def stamped(self, stamp: Stamp | None) -> Release | None:
        """The release a stamp names; None when its plan, revision or hash is none of ours."""
        if stamp is None or type(stamp.rev) is not int:
            return None
        release = self.by_rev.get(stamp.rev)
        known = release is not None and stamp.plan == release.name and stamp.hash == release.hash
        return release if known else None


class ReleaseFolder:
    """
    Reads the releases that `plan` names and says when there are others.

    Args:
        plan: a release file, or a plan directory with releases.
        hash_key: the operator's key; a release that hashes is refused without one. Reading alone needs none.

    Raises:
        ConfigError: there is no release, the newest cannot be read, or one of them hashes and there is no key.
    """

    def __init__(self, plan: str, hash_key: bytes | None = None, *, reads_only: bool = False) -> None:
        self.refused = 0
        """Files that were refused since the start."""
        self._path = Path(plan)
        self._hash_key = hash_key
        self._reads_only = reads_only
        self._seen: dict[Path, tuple[int, int, int]] = {}
        self._unsure: dict[Path, tuple[int, int, int]] = {}
        self.live = self._first()

    def refresh(self) -> LiveReleases | None:
        """Return the live releases if there are others than before; None when nothing has changed. Never raises."""
        found: dict[int, Release] = {}
        for path, signature in self._files().items():
            if self._seen.get(path) == signature:
                continue
            try:
                release = self._load(path)
                self._check_immutable(release, path)
            except (ReleaseError, ConfigError) as error:
                self._refuse(path, signature, error)
                continue
            self._seen[path] = signature
            if release.rev not in self.live.by_rev:
                found[release.rev] = release
        if not found:
            return None
        self.live = LiveReleases.of([*self.live.by_rev.values(), *found.values()])
        revisions = ", ".join(map(str, sorted(found)))
        logger.info("plan %s: revision %s is live; the newest is %d", self._path, revisions, self.live.newest.rev)
        return self.live

    def _first(self) -> LiveReleases:
        if not self._path.exists():
            message = f"{self._path}: no such plan. Name a release file, or a plan directory with releases."
            raise ConfigError(message)
        files = self._files()
        if not files:
            message = f"{self._path}: there is no release in this plan.\n  Write: trackway plan release {self._path}"
            raise ConfigError(message)
        newest = max(files, key=lambda path: (len(path.stem), path.stem))
        found = {}
        for path, signature in files.items():
            self._seen[path] = signature
            try:
                release = self._load(path)
            except ReleaseError as error:
                if path == newest:
                    message = f"{error}\n  Name a release file or a plan directory with releases."
                    raise ConfigError(message) from error
                self._log_refusal(path, error)
            else:
                found[release.rev] = release
        return LiveReleases.of(found.values())

    def _files(self) -> dict[Path, tuple[int, int, int]]:
        """Each release file with what changes when it does; nothing while the folder cannot be read."""
        folder = self._path / "releases" if (self._path / "releases").is_dir() else self._path
        try:
            paths = [self._path] if self._path.is_file() else sorted(folder.glob("[!.]*.json"))
            stats = [(path, path.stat()) for path in paths]
        except OSError as error:
            logger.warning("plan %s cannot be looked at: %s", self._path, error.strerror)
            return {}
        return {path: (stat.st_mtime_ns, stat.st_size, stat.st_ino) for path, stat in stats}

    def _load(self, path: Path) -> Release:
        release = Release.load(path)
        if path != self._path and _NUMBER.fullmatch(path.stem) and int(path.stem) != release.rev:
            message = f"the file is named {path.stem} but states rev {release.rev}; give it back its name."
            raise ReleaseError(message, str(path))
        if self._hash_key is None and not self._reads_only and Redactor([release], None).needs_key:
            message = (
                f"{path}: revision {release.rev} has `store: hash`, and the collector has no key to hash with.\n"
                "  Set TRACKWAY_HASH_KEY, or hash_key in trackway.toml, to the same text on every collector."
            )
            raise ConfigError(message)
        return release

    def _check_immutable(self, release: Release, path: Path) -> None:
        known = self.live.by_rev.get(release.rev)
        if known is not None and (known.name, known.hash) != (release.name, release.hash):
            message = (
                f"revision {release.rev} is live with hash {known.hash}, and this file has {release.hash}: a release is"
                " immutable.\n  Take the file back from Git and release the change under the next number."
            )
            raise ReleaseError(message, str(path))

    def _refuse(self, path: Path, signature: tuple[int, int, int], error: Exception) -> None:
        """Log a bad file once; at first sight it may only be half written."""
        if self._unsure.get(path) != signature:
            self._unsure[path] = signature
            return
        self._seen[path] = signature
        self._log_refusal(path, error)

    def _log_refusal(self, path: Path, error: Exception) -> None:
        self.refused += 1
        logger.error("release %s is refused, what was live stays: %s", path.name, error)


async def changes(folder: ReleaseFolder) -> AsyncIterator[LiveReleases]:
    """Yield the live releases whenever there are others, looking every second and at once on SIGHUP; never ends."""
    async for _ in looks():
        live = await asyncio.to_thread(folder.refresh)
        if live is not None:
            yield live


async def looks() -> AsyncIterator[None]:
    """Yield whenever it is time to look for changes: every second, and at once on SIGHUP; never ends."""
    hung_up = asyncio.Event()
    if not sys.stdin.isatty():  # on a terminal, SIGHUP says that it is gone
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, hung_up.set)
    while True:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(hung_up.wait(), POLL_S)
        hung_up.clear()
        yield
