"""The lists of this package: who is who among referrers, click ids, and the rules of the channels."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Any

import yaml


@cache
def data_file(name: str) -> Any:
    """Return what a YAML file of `enrich/data` holds."""
    return read_yaml((resources.files("trackway_collector.enrich") / "data" / name).read_text("utf-8"))


def read_yaml(text: str) -> Any:
    """
    Return what a YAML text holds.

    Raises:
        yaml.YAMLError: it is none.
    """
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load(text, Loader=loader)  # noqa: S506 - both are safe loaders
