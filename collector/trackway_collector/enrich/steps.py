"""
Enrichment: columns that the collector finds out, as steps read from top to bottom.

A step sees what the client sent and what the steps before it found, and says what it found itself. It fills what is
empty and never changes what is there. Each is a function of the event's context and of its sender's device, which the
spool has frozen, and of the lists that this version carries; no clock, no network.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from trackway_collector.enrich.bots import bot
from trackway_collector.enrich.channels import ChannelRules
from trackway_collector.enrich.client import client, page, place
from trackway_collector.enrich.device import hints, user_agent
from trackway_collector.enrich.known import Known, Step
from trackway_collector.enrich.traffic import campaign, click_id, referrer_and_channel

if TYPE_CHECKING:
    from trackway_collector.spool.record import Client

logger = logging.getLogger(__name__)

# The longest text that one of the derived columns holds; longer ones are nothing that people ask for.
_MAX_CHARS = 1024


def steps(rules: ChannelRules | None = None) -> tuple[Step, ...]:
    """Return the steps in their order."""
    return (
        client,
        place,
        page,
        bot,
        hints,
        user_agent,
        campaign,
        click_id,
        referrer_and_channel(rules),
    )


class Enrichment:
    """
    Runs the steps.

    Args:
        rules: channel rules; None for those of this package.
    """

    def __init__(self, rules: ChannelRules | None = None) -> None:
        self._steps = steps(rules)
        self.failed: set[str] = set()
        """Steps that have failed since the start, which none should."""

    def fill(self, columns: dict[str, Any], context: dict[str, Any], sender: Client | None) -> None:
        """
        Add what the steps find to an event's columns.

        Args:
            columns: what the client sent; keeps every value it has.
            context: what of the event's context has no column.
            sender: the person's own device; None when a server sent the event.
        """
        known = Known(columns, context, sender)
        for step in self._steps:
            try:
                found = step(known)
            except Exception as error:
                self._note(step, error)
                continue
            for column, value in found.items():
                if value and len(value) <= _MAX_CHARS and not columns.get(column):
                    columns[column] = value

    def _note(self, step: Step, error: Exception) -> None:
        # A step that fails costs its own columns, never the row; the value at fault may be personal, so only its kind.
        name = getattr(step, "__name__", "step")
        if name not in self.failed:
            self.failed.add(name)
            logger.error("enrichment step `%s` failed with %s; its columns stay empty", name, type(error).__name__)
