"""What an ingest worker tells Prometheus, read from its counters at the moment it is asked."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from trackway_collector.ingest.requests import Ingest
from trackway_collector.ingest.room.upkeep import why_not_ready
from trackway_collector.ingest.routes import Lane
from trackway_collector.ingest.rules.reload import Reload
from trackway_collector.metrics.families import Family, counter, gauge, histogram
from trackway_collector.spool import SpoolWriter


def ingest_families(ingest: Ingest) -> list[Family]:
    """Return what one worker has counted since it started, and how it is now."""
    return [*_requests(ingest), *_room(ingest), *_spools(ingest), *_rules(ingest)]


def _requests(ingest: Ingest) -> Iterator[Family]:
    counted = ingest.counters
    yield counter(
        "trackway_events", "Events of requests answered 200, by outcome.", counted.events, ("source", "outcome")
    )
    yield counter("trackway_violations", "Violations found in accepted events.", counted.violations, ("source", "code"))
    yield counter("trackway_requests", "Requests by status and error code.", counted.requests, ("status", "code"))
    yield counter(
        "trackway_refused_requests",
        "Requests for which there was no room or no quota.",
        ingest.admission.refused,
        ("lane", "cause"),
    )
    yield counter(
        "trackway_client_lost_events",
        "Events that clients lost before they could send them, as they report it.",
        ingest.losses.events,
        ("source", "reason"),
    )
    yield counter(
        "trackway_client_requests", "Stored requests by sending library.", counted.libraries, ("library", "version")
    )
    yield counter(
        "trackway_client_retries",
        "Stored requests by the try it was, of clients that say so.",
        counted.retries,
        ("retry",),
    )
    yield counter("trackway_ignored_requests", "Requests answered 200 that hold no events.", counted.ignored, ("kind",))
    yield histogram(
        "trackway_ack_seconds", "From the headers of a request with events to its 200.", counted.ack_seconds
    )


def _room(ingest: Ingest) -> Iterator[Family]:
    admission = ingest.admission
    yield gauge(
        "trackway_inflight_bytes", "Bytes of requests in hand, as read and unpacked.", admission.in_hand, ("lane",)
    )
    yield gauge("trackway_inflight_limit_bytes", "Bytes that may be in hand.", admission.most_bytes)
    yield gauge(
        "trackway_disk_pressure",
        "0 below the soft watermarks, 1 and more from a hard one on: the part of live requests that is refused.",
        admission.disk_pressure,
    )
    if ingest.canary is not None and ingest.canary.free_bytes < math.inf:  # it has looked
        yield gauge("trackway_disk_free_bytes", "What the spool's disk has left.", ingest.canary.free_bytes)
    yield gauge("trackway_ready", "1 while /ready says that events can be accepted.", why_not_ready(ingest) is None)


def _spools(ingest: Ingest) -> Iterator[Family]:
    def each(value: Callable[[SpoolWriter], float]) -> dict[Lane, float]:
        return {lane: value(spool) for lane, spool in zip(Lane, ingest.spools, strict=False)}

    lane = ("lane",)
    yield gauge(
        "trackway_spool_backlog_bytes",
        "Bytes in the spool that the loader has not stored yet: its lag.",
        each(lambda spool: spool.backlog_bytes),
        lane,
    )
    yield gauge(
        "trackway_spool_oldest_seconds",
        "Age of the oldest event not stored yet.",
        each(lambda spool: spool.oldest_age_s()),
        lane,
    )
    yield gauge("trackway_spool_accepting", "1 when events can be accepted.", each(lambda spool: spool.accepting), lane)
    yield counter("trackway_spool_commits", "Group commits.", each(lambda spool: spool.stats.commits), lane)
    yield counter("trackway_spool_bytes", "Bytes written to the spool.", each(lambda spool: spool.stats.bytes), lane)
    yield counter(
        "trackway_spool_failures",
        "Writes or fsyncs the disk refused.",
        each(lambda spool: spool.stats.failures),
        lane,
    )
    fsyncs = {name: spool.stats.fsync_seconds for name, spool in zip(Lane, ingest.spools, strict=False)}
    yield histogram("trackway_spool_fsync_seconds", "Time an fsync took.", fsyncs, lane)


def _rules(ingest: Ingest) -> Iterator[Family]:
    reload: Reload | None = ingest.reload
    if reload is None:
        return
    yield counter(
        "trackway_reload_failures", "Changed files that were refused; what was in force stayed.", reload.failures
    )
    yield gauge(
        "trackway_reload_last_success_timestamp_seconds",
        "When keys, policies or plan were last taken into force; the start counts.",
        reload.succeeded_at,
    )
    if reload.releases is not None:
        yield gauge(
            "trackway_plan_newest_rev",
            "The newest revision that events are judged by.",
            ingest.in_force.decoder.rev,
        )
        yield gauge("trackway_plan_live_releases", "Live revisions of the plan.", len(reload.releases.live.by_rev))
        yield counter(
            "trackway_plan_releases_refused",
            "Release files that were refused; the log says why.",
            reload.releases.refused,
        )
