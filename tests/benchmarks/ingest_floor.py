"""
What durable, validated ingest costs at the least: typed decode, compress, group-commit with fdatasync, nothing else.

No routes, keys, verdicts, counters, limits, errors or recovery. `python ingest_floor.py bare PORT` only reads the body.
"""

import asyncio
import os
import sys
import tempfile
import threading
import time
from pathlib import Path

import lz4.block
import msgspec
import uvloop
from aiohttp import web
from ingest_payload import release
from trackway_plan import Validator

MODE, PORT = sys.argv[1], int(sys.argv[2])
OK = b'{"success":true}'
HEADERS = {"Content-Type": "application/json"}
waiting: list[tuple[bytes, asyncio.Future]] = []
wake = threading.Event()


def decoder(directory: Path) -> msgspec.json.Decoder:
    validator = Validator(release(directory))
    members = [
        msgspec.defstruct(
            f"T{n}", [("messageId", str), ("properties", validator.properties_type(name))], tag_field="event", tag=name
        )
        for n, name in enumerate(validator.fast_events("bench"))
    ]
    union = members[0]
    for member in members[1:]:
        union |= member
    return msgspec.json.Decoder(msgspec.defstruct("Batch", [("batch", list[union])]))


def commit(path: str, loop: asyncio.AbstractEventLoop) -> None:
    with open(path, "ab", buffering=0) as file:
        while wake.wait():
            wake.clear()
            count = len(waiting)
            batch, waiting[:count] = waiting[:count], []
            file.write(lz4.block.compress(b"".join(body for body, _ in batch)))
            os.fdatasync(file.fileno())
            loop.call_soon_threadsafe(lambda batch=batch: [done.set_result(None) for _, done in batch])


async def bare(request: web.Request) -> web.Response:
    await request.read()
    return web.Response(body=OK, headers=HEADERS)


async def main() -> None:
    app = web.Application()
    handler = bare
    if MODE == "floor":
        directory = Path(tempfile.mkdtemp())
        decode, loop = decoder(directory / "plan").decode, asyncio.get_running_loop()
        threading.Thread(target=commit, args=(str(directory / "log"), loop), daemon=True).start()

        async def handler(request: web.Request) -> web.Response:
            body = await request.read()
            decode(body)
            done = loop.create_future()
            waiting.append((body, done))
            wake.set()
            await done
            return web.Response(body=OK, headers=HEADERS)

    app.router.add_post("/v1/batch", handler)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", PORT).start()
    await asyncio.sleep(3600)


if __name__ == "__main__":
    started = time.time()
    uvloop.run(main())
