"""A collector on a free port, over the real spool."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from aiohttp.web import Application, Request

from trackway_collector.ingest.app import LINGER_S, make_app
from trackway_collector.ingest.privacy.device import Devices
from trackway_collector.ingest.requests import INGEST, Ingest
from trackway_collector.ingest.rules.in_force import InForce
from trackway_collector.ingest.rules.keys import Keys
from trackway_collector.ingest.rules.sources import Limits, Policies, SourcePolicy
from trackway_collector.ingest.verdicts.decode import BatchDecoder
from trackway_collector.outcomes import IngestCounters
from trackway_collector.spool import Record, SpoolReader, SpoolWriter
from trackway_plan import Release, compile_release, load_plan

KEYS = {"web": "web-key", "api": "api-key"}

PLAN = """\
plan: garden
format: 1
sources:
  web: {kind: client, sdk: javascript}
  api: {kind: server, sdk: python}
on_violation: {unstamped: allow}
"""
ORDERED = """\
event: seeds_ordered
summary: Somebody ordered seeds.
owner: garden
sent_by: [web, api]
properties:
  packets: {type: int, required: true, min: 1, pii: none}
  price: {type: number, pii: none}
  kind: {type: choice, choices: [tomato, basil], pii: none}
  card: {type: string, pattern: "[A-Z]{2}-[0-9]+", pii: none}
  at: {type: timestamp, pii: none}
"""
HARVESTED = """\
event: harvested
summary: Something ripe was picked.
owner: garden
sent_by: [api]
properties:
  note: {type: text, pii: none}
"""


@pytest.fixture(scope="session")
def garden(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """A small plan: `seeds_ordered` from web and api, `harvested` from api only."""
    directory = tmp_path_factory.mktemp("plan")
    (directory / "plan.yaml").write_text(PLAN)
    (directory / "events" / "garden").mkdir(parents=True)
    (directory / "events" / "garden" / "seeds_ordered.yaml").write_text(ORDERED)
    (directory / "events" / "garden" / "harvested.yaml").write_text(HARVESTED)
    return compile_release(load_plan(directory), rev=3)


Client = TestClient[Request, Application]
StartCollector = Callable[..., Awaitable["Collector"]]


class Collector:
    """A running collector and what it has spooled."""

    def __init__(self, client: Client, directory: Path) -> None:
        self.client = client
        self.directory = directory
        self.ingest: Ingest = client.server.app[INGEST]  # type: ignore[attr-defined]

    async def post(self, path: str, body: Any, key: str | None = "web-key", **headers: str) -> tuple[int, Any]:
        """Post bytes as they are, anything else as JSON; return status and decoded answer."""
        from base64 import b64encode

        import msgspec

        data = body if isinstance(body, bytes) else msgspec.json.encode(body)
        if key is not None:
            headers["Authorization"] = "Basic " + b64encode(f"{key}:".encode()).decode()
        async with self.client.post(path, data=data, headers=headers) as response:
            return response.status, await response.json(content_type=None)

    def spooled(self) -> list[tuple[Record, bytes]]:
        """Return every record in the live spool with its body, then those of the historical one."""
        return records_in(self.directory) + records_in(self.directory.with_name("w0-history"))


def records_in(directory: Path) -> list[tuple[Record, bytes]]:
    """Return every record of one spool with its body."""
    reader, records = SpoolReader(directory), []
    segment = byte = 0
    while (chunk := reader.read(segment, byte, max_events=1_000)) is not None:
        records += [record for block in chunk.blocks for record in block.records()]
        segment, byte = chunk.segment, chunk.to_byte
    return records


@pytest.fixture
def start_collector(aiohttp_client: Any, tmp_path: Path) -> StartCollector:
    """Start a collector: `await start_collector(release, limits=…, max_backlog_bytes=…)`."""

    async def start(
        release: Release | None = None,
        limits: Limits | None = None,
        policy: SourcePolicy | None = None,
        devices: Devices | None = None,
        by_source: dict[str, SourcePolicy] | None = None,
        **spool: int,
    ) -> Collector:
        directory = tmp_path / "spool" / "w0"
        writer = SpoolWriter(directory, **spool)
        decoder = BatchDecoder(release, Policies(policy or SourcePolicy(limits or Limits()), by_source or {}))
        in_force = InForce(Keys.of_sources(KEYS), decoder)
        ingest = Ingest(in_force, writer, IngestCounters(), devices=devices or Devices())
        server = TestServer(make_app(ingest))
        await server.start_server(auto_decompress=False, lingering_time=LINGER_S)
        return Collector(await aiohttp_client(server), directory)

    return start
