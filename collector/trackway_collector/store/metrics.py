"""What the store process tells Prometheus; an ingest worker's `/metrics` shows it."""

from __future__ import annotations

from collections.abc import Iterator

from trackway_collector.loader.loop import Loader
from trackway_collector.metrics.families import Family, counter, gauge


def store_families(loader: Loader) -> Iterator[Family]:
    """Return what the loader has done since it started, and how far it is behind."""
    stats = loader.stats
    lag_bytes, lag_seconds = loader.lag()
    yield gauge("trackway_loader_lag_bytes", "Bytes in all spools that are not stored yet.", lag_bytes)
    yield gauge("trackway_loader_lag_seconds", "Age of the oldest event that is not stored yet.", lag_seconds)
    yield counter("trackway_loader_stored_events", "Events stored.", stats.stored)
    yield counter("trackway_loader_quarantined_events", "Events stored in quarantine.", stats.quarantined)
    yield counter(
        "trackway_loader_duplicate_events", "Events that were stored before and came again.", stats.duplicates
    )
    yield counter("trackway_loader_chunks", "Chunks stored.", stats.chunks)
    yield counter("trackway_loader_insert_attempts", "Inserts tried.", loader.attempts)
    yield counter("trackway_loader_errors", "Errors of the warehouse, by their class.", loader.errors, ("class",))
    yield counter(
        "trackway_loader_normalised_values",
        "Values that a `normalise` rule of the plan gave another form.",
        stats.normalised,
        ("rule", "property"),
    )
    yield gauge("trackway_loader_failing", "1 while the warehouse does not take rows.", loader.error is not None)
    yield gauge(
        "trackway_loader_last_success_timestamp_seconds",
        "When a chunk was last stored; 0 before the first.",
        stats.stored_at,
    )
