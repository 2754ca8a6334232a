"""
Plan releases, write keys and trackway.toml are looked at together, each second and at once on SIGHUP.

    releases/*.json ─┐
    keys.json       ─┼─▶ Reload.refresh ─▶ InForce, or None when nothing has changed
    trackway.toml   ─┘

A file that makes no sense leaves in force what it said before, with a log line and a metric.
"""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime

from trackway_collector.config import Settings, reloaded
from trackway_collector.errors import ConfigError
from trackway_collector.ingest.rules.in_force import InForce
from trackway_collector.ingest.rules.keys import Keys
from trackway_collector.ingest.verdicts.decode import BatchDecoder
from trackway_collector.ingest.webhooks.watched import WatchedWebhooks
from trackway_collector.keystore import read_store
from trackway_collector.keystore.file import KEYS_FILE
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
        path = settings.data_dir / KEYS_FILE
        self._store = WatchedFile(path, lambda: read_store(path))
        self._file = WatchedFile(settings.config, self._read_settings)
        hash_key = read_hash_key(settings.hash_key)
        self.releases = ReleaseFolder(settings.plan, hash_key) if settings.plan else None
        live = self.releases.live if self.releases else None
        self._webhooks = WatchedWebhooks(settings)
        decoder = BatchDecoder(live, self._file.value.policies, hash_key)
        self.in_force = InForce(self._keys(), decoder, self._webhooks.value)
        """The latest that was made."""

    @property
    def failures(self) -> int:
        """Files that were refused since the start."""
        refused = self._store.refused + self._file.refused + self._webhooks.refused
        return refused + (self.releases.refused if self.releases else 0)

    def refresh(self) -> InForce | None:
        """Return what is in force from now on; None when nothing has changed. It may take a while; never raises."""
        live = self.releases.refresh() if self.releases else None
        stored, said = self._store.refresh(), self._file.refresh()
        keys, decoder, policies = self.in_force.keys, self.in_force.decoder, self._file.value.policies
        ended = keys.next_end is not None and keys.next_end <= datetime.now(UTC)
        called = self._webhooks.refresh(self._file.value)
        if not (live or stored or said or ended or called):
            return None
        if stored or said or ended:
            keys = self._keys()
        if live or policies != decoder.policies:
            decoder = decoder.successor(self.releases.live if self.releases else None, policies, keys.sources)
        self.in_force = InForce(keys, decoder, self._webhooks.value)
        self.succeeded_at = time.time()
        return self.in_force

    def _keys(self) -> Keys:
        return Keys(self._file.value.write_keys, self._store.value, datetime.now(UTC))

    def _read_settings(self) -> Settings:
        settings, waiting = reloaded(self._settings)
        if not settings.write_keys and not self._store.value.keys:
            message = (
                "The collector has no write keys, so nobody could send it anything.\n"
                "  Write: trackway collector keys create SOURCE; or, for development, --write-key SOURCE=KEY,"
                " TRACKWAY_WRITE_KEYS, or [write_keys] in trackway.toml."
            )
            raise ConfigError(message)
        if waiting:
            names = ", ".join(waiting)
            logger.warning("%s: restart the collector for these to change: %s", settings.config.name, names)
        return settings
