"""Clients that are out in the world with an older revision of the plan, as the data package counts them."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from ..evidence import EvidenceUnreachableError

OPENER = "trackway_analytics.plan_data.opening:open_named"
CENSUS = "trackway_analytics.plan_data.census:census"

Behind = Callable[[int], list[str]]
"""The newest revision to a line for each source and older revision that still sends."""


def open_clients(warehouse_url: str, days: int) -> Behind | None:
    """What asks a warehouse for its clients; None where this installation cannot count them."""
    try:
        opener, census = (_named(name) for name in (OPENER, CENSUS))
    except (ImportError, AttributeError):
        return None

    def behind(newest: int) -> list[str]:
        try:
            warehouse = opener(warehouse_url)
            try:
                lines: list[str] = census(warehouse, days).behind(newest)
            finally:
                warehouse.close()
        except Exception as error:
            message = f"the warehouse cannot be asked for its clients: {error}"
            raise EvidenceUnreachableError(message) from error
        return lines

    return behind


def _named(name: str) -> Any:
    module, _, attribute = name.partition(":")
    return getattr(importlib.import_module(module), attribute)
