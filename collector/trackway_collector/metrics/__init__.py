"""
What the processes count, and how one page tells of all of them.

    counters ─▶ families ─┬─▶ snapshot file, each second ─┐
                          └─▶ /metrics of an ingest worker ◀┘  (its own, and those of the other processes)

Each process has one snapshot, `metrics/<process>.json` in the data directory, replaced as a whole. Any ingest worker
answers for all of them and for the store, with a label `worker`. Counters go on where the last snapshot of a process of
that name left them, so a restart takes nothing back; a dead process's counters stay, its gauges do not.
"""

from trackway_collector.metrics.families import Family, Sample
from trackway_collector.metrics.snapshots import Snapshots

__all__ = ["Family", "Sample", "Snapshots"]
