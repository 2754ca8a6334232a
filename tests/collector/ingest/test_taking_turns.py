"""A batch that takes long to judge lets other requests have their turn meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
from base64 import b64encode
from collections.abc import Generator
from pathlib import Path
from typing import Any

import msgspec

from trackway_collector.ingest.app import make_app
from trackway_collector.ingest.requests import Ingest
from trackway_collector.ingest.rules.in_force import InForce
from trackway_collector.ingest.rules.keys import Keys
from trackway_collector.ingest.verdicts.decode import BatchDecoder, Decoded
from trackway_collector.outcomes import IngestCounters
from trackway_collector.spool import SpoolWriter
from trackway_plan import Release

from .conftest import KEYS
from .test_wire import event


class CountsTurns(BatchDecoder):
    """A decoder that knows how often the event loop came round between its first slice and its last."""

    turns = 0
    slices_done = 0
    turns_meanwhile = 0

    def slices(self, body: bytes, **known: Any) -> Generator[None, None, Decoded]:
        before = self.turns
        work = super().slices(body, **known)
        while True:
            try:
                next(work)
            except StopIteration as done:
                self.turns_meanwhile = self.turns - before
                result: Decoded = done.value
                return result
            self.slices_done += 1
            yield

    async def count(self) -> None:
        while True:
            self.turns += 1
            await asyncio.sleep(0)


async def test_others_have_their_turn_between_two_slices(garden: Release, tmp_path: Path, aiohttp_client: Any) -> None:
    """2,500 events that are all wrong are judged in slices, and the event loop comes round between any two of them."""
    decoder = CountsTurns(garden)
    ingest = Ingest(InForce(Keys.of_sources(KEYS), decoder), SpoolWriter(tmp_path / "w0"), IngestCounters())
    client = await aiohttp_client(make_app(ingest))
    batch = [event(messageId=f"m-{n}", properties={"packets": "two", "kind": "rose"}) for n in range(2_500)]
    headers = {"Authorization": "Basic " + b64encode(b"web-key:").decode()}
    counting = asyncio.create_task(decoder.count())

    async with client.post("/v1/batch", data=msgspec.json.encode({"batch": batch}), headers=headers) as answer:
        assert answer.status == 200

    counting.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await counting
    assert decoder.slices_done > 20
    assert decoder.turns_meanwhile >= decoder.slices_done
    assert ingest.counters.events["web", "quarantined"] == 2_500


def test_what_the_plan_accepts_is_one_slice(garden: Release) -> None:
    """A batch that is right is not cut up: it goes the fast way."""
    batch = [event(messageId=f"m-{n}") for n in range(2_500)]

    slices = list(
        BatchDecoder(garden).slices(msgspec.json.encode({"batch": batch}), call="", source="web", received_at_us=1)
    )

    assert slices == []
