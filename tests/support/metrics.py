"""Every series that Trackway has, and what a `/metrics` page says."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import cast

from prometheus_client.parser import text_string_to_metric_families

from tests.support.house import House
from trackway_collector.config import Settings
from trackway_collector.ingest.pages.metrics import ingest_families
from trackway_collector.ingest.worker import make_ingest
from trackway_collector.loader.loop import Loader
from trackway_collector.metrics import Family, Snapshots
from trackway_collector.spool.canary import Canary
from trackway_collector.store.metrics import store_families
from trackway_collector.warehouse import Warehouse
from trackway_plan import Plan, compile_release

SUFFIXES = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}


def every_family(directory: Path) -> list[Family]:
    """Return the families of a worker and of a store, as they are before anything has happened."""
    plan = directory / "1.json"
    plan.write_bytes(compile_release(Plan(name="tea"), 1).to_json())
    settings = Settings(data_dir=directory, plan=str(plan), write_keys={"web": "key"}, given=("write_keys",))
    return asyncio.run(_families(settings))


async def _families(settings: Settings) -> list[Family]:
    ingest = make_ingest(settings)
    ingest.canary = Canary(settings.spool_dir / "w0", lambda: 0)
    ingest.canary.free_bytes = 1
    own = Snapshots(None, "w0", lambda: ingest_families(ingest)).own()
    loader = Loader(cast(Warehouse, None), settings.spool_dir)
    families = [*own, *store_families(loader)]
    await ingest.spool.close()
    return families


def series(families: list[Family]) -> dict[str, set[str]]:
    """Return the labels of each series by its name, as Prometheus knows them."""
    found = {}
    for family in families:
        for suffix in SUFFIXES[family.kind]:
            extra = {"le"} if suffix == "_bucket" else set()
            found[family.name + suffix] = {*family.labels, "worker", *extra}
    return found


def total(house: House, name: str, **labels: str) -> float:
    """Return the sum of a series' samples with these labels, as a house's page says; 0 when there are none."""
    _, text = house.get("/metrics")
    return sum(
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


def settled_total(house: House, name: str, **labels: str) -> float:
    """Return the same when every process has had the time to write down what it counted."""
    time.sleep(2.5)
    return total(house, name, **labels)
