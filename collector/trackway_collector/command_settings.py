"""The settings of a command, and the one way in which every command refuses those that make no sense: exit 2."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from trackway_collector.config import Settings, load_settings
from trackway_collector.errors import ConfigError
from trackway_collector.warehouse.errors import WarehouseUrlError
from trackway_collector.warehouse.url import WarehouseUrl
from trackway_plan.environments import ALL, ENVIRONMENTS, PRODUCTION

environment_option = click.option(
    "--environment",
    type=click.Choice((*ENVIRONMENTS, ALL)),
    default=PRODUCTION,
    show_default=True,
    help="Only events of this environment.",
)
"""For commands that read events: which ones."""


def command_settings(arguments: Mapping[str, Any]) -> tuple[Settings, dict[str, str]]:
    """
    Return the settings that a command's options, the environment and trackway.toml give, and where each came from.

    Raises:
        click.UsageError: one of them cannot be read, or the warehouse URL cannot be understood.
    """
    try:
        settings, origins = load_settings(arguments)
        WarehouseUrl.parse(settings.warehouse_url)
    except (ConfigError, WarehouseUrlError) as error:
        raise click.UsageError(str(error)) from error
    return settings, origins
