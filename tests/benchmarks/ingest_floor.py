"""What durable, validated ingest costs at least: typed decode, compress, group-commit with fdatasync, no more."""

import asyncio
import os
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any, Union

import lz4.block
import msgspec
import uvloop
from aiohttp import web

from tests.benchmarks.ingest_payload import release
from trackway_plan import Validator

waiting: list[tuple[bytes, asyncio.Future[None]]] = []
wake = threading.Event()


def decoder(directory: Path) -> msgspec.json.Decoder[Any]:
    plan, tracks = Validator(release(directory)), []
    for number, name in enumerate(plan.fast_events("bench")):
        fields = [("messageId", str), ("properties", plan.properties_type(name))]
        tracks.append(msgspec.defstruct(f"T{number}", fields, tag_field="event", tag=name))
    union: Any = Union[tuple(tracks)]  # noqa: UP007
    return msgspec.json.Decoder(msgspec.defstruct("Batch", [("batch", list[union])]))


def resolve(batch: list[tuple[bytes, asyncio.Future[None]]]) -> None:
    for _, done in batch:
        done.set_result(None)


def commit(path: Path, loop: asyncio.AbstractEventLoop) -> None:
    with path.open("ab", buffering=0) as file:
        while wake.wait():
            wake.clear()
            count = len(waiting)
            batch, waiting[:count] = waiting[:count], []
            file.write(lz4.block.compress(b"".join(body for body, _ in batch)))
            os.fdatasync(file.fileno())
            loop.call_soon_threadsafe(resolve, batch)


async def main(mode: str, port: int) -> None:
    directory, loop = Path(tempfile.mkdtemp()), asyncio.get_running_loop()
    decode = decoder(directory / "plan").decode
    threading.Thread(target=commit, args=(directory / "log", loop), daemon=True).start()

    async def handle(request: web.Request) -> web.Response:
        body = await request.read()
        if mode == "floor":
            decode(body)
            waiting.append((body, done := loop.create_future()))
            wake.set()
            await done
        return web.Response(body=b'{"success":true}', headers={"Content-Type": "application/json"})

    app = web.Application()
    app.router.add_post("/v1/batch", handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], int(sys.argv[2])))
