"""The webhooks in force: made anew when their tables, mappings or secrets have changed, kept when that fails."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING

from trackway_collector.errors import ConfigError
from trackway_collector.ingest.webhooks.settings import Webhook, files_of, open_webhooks

if TYPE_CHECKING:
    from trackway_collector.config import Settings

logger = logging.getLogger(__name__)


class WatchedWebhooks:
    """
    Opens the webhooks of the settings.

    Raises:
        ConfigError: one of them cannot be opened at the start; later what was in force stays, and the log says why.
    """

    def __init__(self, settings: Settings) -> None:
        self.refused = 0
        """How often they could not be opened since the start."""
        self._seen = settings.webhooks, files_of(settings.webhooks, settings.config)
        self.value: Mapping[str, Webhook] = open_webhooks(settings.webhooks, settings.config)

    def refresh(self, settings: Settings) -> bool:
        """Say whether there are other webhooks than before; never raises."""
        seen = settings.webhooks, files_of(settings.webhooks, settings.config)
        if seen == self._seen:
            return False
        self._seen = seen
        try:
            self.value = open_webhooks(settings.webhooks, settings.config)
        except ConfigError as error:
            self.refused += 1
            logger.error("webhooks stay as they were: %s", error)
            return False
        return True
