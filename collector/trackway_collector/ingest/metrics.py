"""What an ingest worker tells Prometheus, read from its counters at the moment of the scrape."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from trackway_collector.ingest.losses import ClientLosses
from trackway_collector.ingest.reload import Reload
from trackway_collector.outcomes import IngestCounters
from trackway_collector.releases import ReleaseFolder
from trackway_collector.spool import SpoolWriter


def render_metrics(
    counters: IngestCounters,
    losses: ClientLosses,
    spool: SpoolWriter,
    reload: Reload | None = None,
    newest_rev: int = 0,
) -> tuple[bytes, str]:
    """Return the exposition text and its content type; `newest_rev` is the revision that judges at the moment."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Snapshot(counters, losses, spool, reload, newest_rev))
    return generate_latest(registry), CONTENT_TYPE_LATEST


class _Snapshot(Collector):
    def __init__(
        self,
        counters: IngestCounters,
        losses: ClientLosses,
        spool: SpoolWriter,
        reload: Reload | None,
        newest_rev: int,
    ) -> None:
        self._losses = losses
        self._newest_rev = newest_rev
        self._reload = reload
        self._counters = counters
        self._spool = spool

    def collect(self) -> Iterator[Metric]:
        events = CounterMetricFamily(
            "trackway_events", "Events of requests answered 200, by outcome.", labels=["source", "outcome"]
        )
        for (source, outcome), count in self._counters.events.items():
            events.add_metric([source, outcome], count)
        yield events
        violations = CounterMetricFamily(
            "trackway_violations", "Violations found in accepted events.", labels=["source", "code"]
        )
        for (source, code), count in self._counters.violations.items():
            violations.add_metric([source, code], count)
        yield violations
        requests = CounterMetricFamily(
            "trackway_requests", "Requests by status and error code.", labels=["status", "code"]
        )
        for (status, code), count in self._counters.requests.items():
            requests.add_metric([str(status), code], count)
        yield requests
        lost = CounterMetricFamily(
            "trackway_client_lost_events",
            "Events that clients lost before they could send them, as they report it.",
            labels=["source", "reason"],
        )
        for (source, reason), count in self._losses.events.items():
            lost.add_metric([source, reason], count)
        yield lost
        yield from self._spool_metrics()
        if self._reload is not None:
            yield from _reload_metrics(self._reload)
            if self._reload.releases is not None:
                yield from _release_metrics(self._reload.releases, self._newest_rev)

    def _spool_metrics(self) -> Iterator[Metric]:
        stats = self._spool.stats
        yield GaugeMetricFamily(
            "trackway_spool_backlog_bytes",
            "Bytes in the spool that the loader has not stored yet: its lag.",
            self._spool.backlog_bytes,
        )
        yield GaugeMetricFamily(
            "trackway_spool_oldest_seconds", "Age of the oldest event not stored yet.", self._spool.oldest_age_s()
        )
        yield GaugeMetricFamily("trackway_spool_accepting", "1 when events can be accepted.", self._spool.accepting)
        yield CounterMetricFamily("trackway_spool_commits", "Group commits.", stats.commits)
        yield CounterMetricFamily("trackway_spool_bytes", "Bytes written to the spool.", stats.bytes)
        yield CounterMetricFamily("trackway_spool_failures", "Writes or fsyncs the disk refused.", stats.failures)
        yield CounterMetricFamily("trackway_spool_fsync_seconds", "Time spent in fsync.", stats.fsync_seconds.sum)


def _reload_metrics(reload: Reload) -> Iterator[Metric]:
    yield CounterMetricFamily(
        "trackway_reload_failures", "Changed files that were refused; what was in force stayed.", reload.failures
    )
    yield GaugeMetricFamily(
        "trackway_reload_last_success_timestamp_seconds",
        "When keys, policies or plan were last taken into force; the start counts.",
        reload.succeeded_at,
    )


def _release_metrics(releases: ReleaseFolder, newest_rev: int) -> Iterator[Metric]:
    yield GaugeMetricFamily("trackway_plan_newest_rev", "The newest revision that events are judged by.", newest_rev)
    yield GaugeMetricFamily("trackway_plan_live_releases", "Live revisions of the plan.", len(releases.live.by_rev))
    yield CounterMetricFamily(
        "trackway_plan_releases_refused", "Release files that were refused; the log says why.", releases.refused
    )
