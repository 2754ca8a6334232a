"""Warehouses with invented events of a small shop, and its plan."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.stored import TIME
from trackway_collector.warehouse import Warehouse
from trackway_plan import Release
from trackway_plan.model import DEFAULT_POLICY, Choice, EventSpec, PropertySpec, Source

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)

Properties = dict[str, PropertySpec]


def ago(days: float) -> str:
    """A time before NOW, as the tables take it."""
    return f"{NOW - timedelta(days=days):{TIME}}"


def prop(kind: str, **more: Any) -> PropertySpec:
    """A property; `choices` as plain texts."""
    if "choices" in more:
        more["choices"] = tuple(Choice(value=value) for value in more["choices"])
    return PropertySpec(kind=kind, **more)


def release(events: Mapping[str, Properties], rev: int = 1, **more: Any) -> Release:
    """A release of these events, each with its properties."""
    named = {
        name: EventSpec(
            name=name,
            properties={key: PropertySpec(**{**_fields(spec), "name": key}) for key, spec in properties.items()},
        )
        for name, properties in events.items()
    }
    sources = {name: Source(name=name) for name in ("web", "app", "test")}
    return Release(name="shop", rev=rev, format=1, sources=sources, events=named, on_violation=DEFAULT_POLICY, **more)


def _fields(spec: PropertySpec) -> dict[str, Any]:
    return {name: getattr(spec, name) for name in spec.__struct_fields__}


@pytest.fixture
def url(warehouse: Warehouse) -> str:
    """The address of `warehouse`, password and all."""
    where = warehouse.url
    if where.scheme == "chdb":
        return str(where)
    return str(where).replace(":***@", f":{where.password}@")


Row = dict[str, Any]


def rows(count: int, event: str, properties: Mapping[str, Any] | Callable[[int], Any], **columns: Any) -> list[Row]:
    """`count` events of as many people, received a day before NOW unless `received_at` says otherwise."""
    made = []
    for number in range(count):
        values = properties(number) if callable(properties) else properties
        made.append(
            {
                "event": event,
                "person_id": f"p{number}",
                "received_at": ago(1),
                "timestamp": ago(1),
                "properties": values,
            }
            | columns
        )
    return made
