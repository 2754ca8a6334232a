"""
Plan releases, write keys and trackway.toml are looked at together, each second and at once on SIGHUP.

    releases/*.json ─┐
    trackway.toml   ─┴▶ Reload.refresh ─▶ InForce, or None when nothing has changed

A file that makes no sense leaves in force what it said before, with a log line and a metric.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping

from trackway_collector.config import Settings, reloaded
from trackway_collector.errors import ConfigError
from trackway_collector.ingest.decode import BatchDecoder
from trackway_collector.ingest.in_force import InForce
from trackway_collector.ingest.keys import Keys
from trackway_collector.releases import ReleaseFolder
from trackway_collector.watched_file import WatchedFile
from trackway_plan.redact import read_hash_key

logger = logging.getLogger(__name__)


class Reload:
    """
    Makes what requests are handled by, and makes it again when a file has changed.

    Args:
        settings: as they were when the process started.

    Raises:
        ConfigError: there is no write key, the plan cannot be found, or it hashes and there is no key for that.
    """

    def __init__(self, settings: Settings) -> None:
        self.succeeded_at = time.time()
        """When something new was last taken into force, seconds since 1970; the start counts."""
        self._settings = settings
        self._file = WatchedFile(settings.config, self._read_settings)
        hash_key = read_hash_key(settings.hash_key)
        self.releases = ReleaseFolder(settings.plan, hash_key) if settings.plan else None
        live = self.releases.live if self.releases else None
        self.in_force = InForce(_keys(settings), BatchDecoder(live, self._file.value.policies, hash_key))
        """The latest that was made."""

    @property
    def failures(self) -> int:
        """Files that were refused since the start."""
        return self._file.refused + (self.releases.refused if self.releases else 0)

    def refresh(self) -> InForce | None:
        """Return what is in force from now on; None when nothing has changed. It may take a while; never raises."""
        live = self.releases.refresh() if self.releases else None
        if not self._file.refresh() and live is None:
            return None
        settings = self._file.value
        keys, decoder, policies = _keys(settings), self.in_force.decoder, settings.policies
        if live is not None or policies != decoder.policies:
            decoder = decoder.successor(self.releases.live if self.releases else None, policies, keys.sources)
        self.in_force = InForce(keys, decoder)
        self.succeeded_at = time.time()
        return self.in_force

    def _read_settings(self) -> Settings:
        settings, waiting = reloaded(self._settings)
        _keys(settings)
        if waiting:
            names = ", ".join(waiting)
            logger.warning("%s: restart the collector for these to change: %s", settings.config.name, names)
        return settings


def _keys(settings: Settings) -> Keys:
    return Keys.of_sources(_at_least_one(settings.write_keys))


def _at_least_one(write_keys: Mapping[str, str]) -> Mapping[str, str]:
    if not write_keys:
        message = (
            "The collector has no write keys, so nobody could send it anything.\n"
            "  Write --write-key SOURCE=KEY, TRACKWAY_WRITE_KEYS, or [write_keys] in trackway.toml."
        )
        raise ConfigError(message)
    return write_keys
