"""What the loader asks of the warehouse before it can load: its tables, their columns, and what they hold already."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta

from trackway_collector.enrich import Enrichment
from trackway_collector.loader.dedup import WINDOW_DAYS, SeenKeys
from trackway_collector.loader.delivery import sql_text
from trackway_collector.loader.normalise import NO_FORMS, Changes, forms_of
from trackway_collector.loader.renames import renames_of
from trackway_collector.loader.rows import RowMaker
from trackway_collector.loader.values import fits_for
from trackway_collector.releases import LiveReleases
from trackway_collector.warehouse import Warehouse, apply_plan, migrate, property_types, record_release
from trackway_collector.warehouse.plan_columns import typed_paths
from trackway_plan import Release
from trackway_plan.renames import former_events


def prepare_tables(warehouse: Warehouse, releases: LiveReleases | None) -> None:
    """
    Bring the tables up to this version, give the newest plan's properties their typed paths, and record the releases.
    """
    migrate(warehouse)
    if releases is not None:
        apply_plan(warehouse, releases.newest)
        for release in releases.by_rev.values():
            record_release(warehouse, release)


def row_maker(
    warehouse: Warehouse,
    spool: str,
    releases: LiveReleases | None,
    enrichment: Enrichment | None = None,
    normalised: Changes | None = None,
) -> RowMaker:
    """Return what makes a spool's rows fit the warehouse's columns."""
    types = property_types(warehouse, "properties")
    traits = property_types(warehouse, "traits")
    live = releases.by_rev if releases else {}
    trusted = {rev for rev, release in live.items() if _has_typed_paths(release, types)}
    renames = {rev: renames_of(release) for rev, release in live.items()}
    # Under a former name of the event, properties come under former names too, which may have another type.
    doubted = {name for release in live.values() for name in former_events(release)}
    forms = {rev: said for rev, release in live.items() if (said := forms_of(release)) != NO_FORMS}
    return RowMaker(
        spool,
        fits_for(types),
        fits_for(traits),
        trusted,
        renames,
        max(live, default=0),
        doubted,
        enrichment,
        {rev: forms.get(rev, NO_FORMS) for rev in live} if forms else None,
        normalised,
    )


def _has_typed_paths(release: Release, types: Mapping[str, str]) -> bool:
    """Whether each property of a release has the typed path of its kind, so that what the release accepted fits."""
    planned = typed_paths(event.properties for event in release.events.values())
    return all(types.get(path) == kind for path, kind in planned.items())


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
    while hours:  # each is let go of when it is known: a day may have many millions of keys
        seen.add([bytes.fromhex(hours.pop()[0])], at_us)
