"""Series as data, which one process writes and another one reads, and their text for Prometheus."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

import msgspec
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from trackway_collector.histogram import Histogram

__all__ = ["CONTENT_TYPE_LATEST", "Family", "Sample", "counter", "exposition", "gauge", "histogram"]

WORKER = "worker"
"""The label that says which process counted; it comes behind all others."""


class Sample(msgspec.Struct, array_like=True):
    """One series at one moment."""

    labels: tuple[str, ...]
    value: float
    """Of a histogram the sum of all values."""
    counts: list[int] = []
    """Of a histogram how many values fell between each two bounds."""


class Family(msgspec.Struct, array_like=True):
    """The series of one name."""

    name: str
    """Without what Prometheus puts behind it: `_total`, `_bucket`, …"""
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    labels: tuple[str, ...]
    samples: list[Sample]
    bounds: tuple[float, ...] = ()
    """Of a histogram."""


Values = float | Mapping[Any, float]
"""A number alone, or by label values: a tuple of them, or the one there is."""


def counter(name: str, help: str, values: Values, labels: Sequence[str] = ()) -> Family:
    """Return a counter's family."""
    return Family(name, "counter", help, tuple(labels), _samples(values))


def gauge(name: str, help: str, values: Values, labels: Sequence[str] = ()) -> Family:
    """Return a gauge's family."""
    return Family(name, "gauge", help, tuple(labels), _samples(values))


def histogram(name: str, help: str, values: Histogram | Mapping[Any, Histogram], labels: Sequence[str] = ()) -> Family:
    """Return a histogram's family."""
    by_labels = {(): values} if isinstance(values, Histogram) else values
    samples = [Sample(_labels(key), found.sum, list(found.counts)) for key, found in by_labels.items()]
    bounds = next((found.bounds for found in by_labels.values()), ())
    return Family(name, "histogram", help, tuple(labels), samples, bounds)


def _samples(values: Values) -> list[Sample]:
    if isinstance(values, Mapping):
        # A copy, made in one step: another thread may be counting.
        return [Sample(_labels(key), float(value)) for key, value in dict(values).items()]
    return [Sample((), float(values))]


def _labels(key: Any) -> tuple[str, ...]:
    return tuple(map(str, key)) if isinstance(key, tuple) else (str(key),)


def added(families: Iterable[Family], before: Iterable[Family]) -> list[Family]:
    """Return the families with what was counted before added to counters and histograms; gauges as they are."""
    known = {family.name: family for family in before if family.kind != "gauge"}
    result = []
    for family in families:
        earlier = known.get(family.name)
        if earlier is not None and (earlier.kind, earlier.labels, earlier.bounds) == (
            family.kind,
            family.labels,
            family.bounds,
        ):
            result.append(_with(family, earlier))
        else:
            result.append(family)
    return result


def _with(family: Family, earlier: Family) -> Family:
    samples = {sample.labels: sample for sample in earlier.samples}
    for sample in family.samples:
        old = samples.get(sample.labels)
        if old is not None:
            counts = [a + b for a, b in zip(sample.counts, old.counts, strict=True)]
            sample = Sample(sample.labels, sample.value + old.value, counts)
        samples[sample.labels] = sample
    return msgspec.structs.replace(family, samples=list(samples.values()))


def exposition(by_worker: Mapping[str, Iterable[Family]]) -> bytes:
    """Return the text for Prometheus: each worker's series with its label."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_All(by_worker))
    return generate_latest(registry)


class _All(Collector):
    def __init__(self, by_worker: Mapping[str, Iterable[Family]]) -> None:
        self._by_worker = by_worker

    def collect(self) -> Iterator[Metric]:
        merged: dict[str, Metric] = {}
        for worker, families in self._by_worker.items():
            for family in families:
                metric = merged.get(family.name)
                if metric is None:
                    metric = merged[family.name] = _metric(family)
                for sample in family.samples:
                    _add(metric, family, [*sample.labels, worker], sample)
        yield from merged.values()


def _metric(family: Family) -> Metric:
    kinds = {"counter": CounterMetricFamily, "gauge": GaugeMetricFamily, "histogram": HistogramMetricFamily}
    made: Metric = kinds[family.kind](family.name, family.help, labels=[*family.labels, WORKER])
    return made


def _add(metric: Metric, family: Family, labels: list[str], sample: Sample) -> None:
    if isinstance(metric, HistogramMetricFamily):
        metric.add_metric(labels, buckets=list(_buckets(family.bounds, sample.counts)), sum_value=sample.value)
    elif isinstance(metric, CounterMetricFamily | GaugeMetricFamily):
        metric.add_metric(labels, sample.value)


def _buckets(bounds: tuple[float, ...], counts: list[int]) -> Iterator[tuple[str, int]]:
    total = 0
    for bound, count in zip((*map(str, bounds), "+Inf"), counts, strict=True):
        total += count
        yield bound, total
