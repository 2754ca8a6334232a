"""Bounds that leave no value, which other tools allow and the plan language refuses."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from ..model import PropertySpec
from .losses import Losses
from .names import property_path

_PAIRS = (("min", "max"), ("min_length", "max_length"), ("min_items", "max_items"))


def with_room(properties: dict[str, PropertySpec], losses: Losses, path: str = "") -> dict[str, PropertySpec]:
    """The properties without pairs of bounds between which nothing lies; each such pair is a loss."""
    return {name: _with_room(spec, losses, property_path(path, name)) for name, spec in properties.items()}


def _with_room(spec: PropertySpec, losses: Losses, path: str) -> PropertySpec:
    for low, high in _PAIRS:
        least, most = getattr(spec, low), getattr(spec, high)
        if least is not None and most is not None and Decimal(str(least)) > Decimal(str(most)):
            why = "no value lies between them; neither is kept"
            losses.add("#", f"{low}: {least} above {high}: {most}", why, path)
            spec = msgspec.structs.replace(spec, **{low: None, high: None})
    return msgspec.structs.replace(
        spec,
        of=_with_room(spec.of, losses, f"{path}[]") if spec.of else None,
        properties=None if spec.properties is None else with_room(spec.properties, losses, path),
        any_of=tuple(_with_room(part, losses, path) for part in spec.any_of),
    )
