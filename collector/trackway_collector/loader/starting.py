"""What the loader asks of the warehouse before it can load: its tables, their columns, and what they hold already."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta

from trackway_collector.loader.dedup import WINDOW_DAYS, SeenKeys
from trackway_collector.loader.delivery import sql_text
from trackway_collector.loader.renames import renames_of
from trackway_collector.loader.rows import RowMaker
from trackway_collector.loader.values import fits_for
from trackway_collector.warehouse import Warehouse, apply_plan, migrate, property_types, record_release
from trackway_collector.warehouse.plan_columns import typed_paths
from trackway_plan import Release
from trackway_plan.renames import former_events


def prepare_tables(warehouse: Warehouse, release: Release | None) -> None:
    """Bring the tables up to this version, give the plan's properties their typed paths, and record the release."""
    migrate(warehouse)
    if release is not None:
        apply_plan(warehouse, release)
        record_release(warehouse, release)


def row_maker(warehouse: Warehouse, spool: str, release: Release | None) -> RowMaker:
    """Return what makes a spool's rows fit the warehouse's columns."""
    types = property_types(warehouse, "properties")
    traits = property_types(warehouse, "traits")
    trusted_rev = _trusted_rev(types, release)
    # Under a former name of the event, properties come under former names too, which may have another type.
    doubted = former_events(release) if release is not None else ()
    return RowMaker(spool, fits_for(types), fits_for(traits), trusted_rev, renames_of(release), doubted)


def _trusted_rev(types: Mapping[str, str], release: Release | None) -> int | None:
    if release is None:
        return None
    planned = typed_paths(event.properties for event in release.events.values())
    as_planned = all(types.get(path) == kind for path, kind in planned.items())
    return release.rev if as_planned else None


def days_to_remember(oldest_waiting_us: int) -> Iterator[date]:
    """
    Yield the days whose keys must be known.

    The window ends with the receipt of the oldest event still to be loaded, however long the warehouse was away.
    """
    day = datetime.fromtimestamp(oldest_waiting_us / 1e6, UTC).date() - timedelta(days=WINDOW_DAYS)
    while day <= datetime.now(UTC).date() + timedelta(days=1):
        yield day
        day += timedelta(days=1)


def remember_day(warehouse: Warehouse, seen: SeenKeys, day: date) -> None:
    """Read the keys of one day from the warehouse."""
    hours = warehouse.query(sql_text("seen_keys"), {"day": day}).rows
    at_us = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1_000_000
    seen.add([bytes.fromhex(keys) for (keys,) in hours], at_us)
