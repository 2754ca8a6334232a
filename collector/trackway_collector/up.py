"""
`trackway up`: the whole house on one machine, as two processes under one supervisor.

    supervisor ─┬─ ingest worker   HTTP → spool
                └─ store           spool → warehouse, console, query port

The supervisor starts a process again when it ends, and ends them when it is asked to. One that cannot start at all, for
a reason that time will not cure, ends everything with its message. If the supervisor itself is killed, the pipe that is
the processes' standard input ends, and they leave too: nothing keeps ports or locks.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import errno
import json
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NoReturn

from trackway_collector.config import Settings
from trackway_collector.errors import CollectorError, SpoolLocked
from trackway_collector.warehouse import EngineBusyError, WarehouseError
from trackway_collector.warehouse.store_file import StoreFile

logger = logging.getLogger(__name__)

SETTINGS_VARIABLE = "TRACKWAY_PROCESS_SETTINGS"
PROCESSES = ("ingest", "store")
FIRST_RESTART_S = 0.2
MAX_RESTART_S = 10.0
STEADY_S = 30.0
STOP_S = 45.0
ANNOUNCE_POLL_S = 0.1
BUSY_S = 5.0
BUSY_POLL_S = 0.2
EXIT_CANNOT_START = 3


async def supervise(settings: Settings, announce: Callable[[str], None]) -> bool:
    """
    Run the processes until SIGTERM or SIGINT, then stop the ingest worker first and the store after it.

    Args:
        announce: called once with the console's URL, when the store process answers.

    Returns:
        False when a process could not start at all; it has said why.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    keepers = [_Keeper(name, settings, stop) for name in PROCESSES]
    tasks = [asyncio.create_task(keeper.keep()) for keeper in keepers]
    if not sys.stdin.isatty():  # on a terminal, SIGHUP says that it is gone
        loop.add_signal_handler(signal.SIGHUP, _each, [keeper.hang_up for keeper in keepers])
    announcing = asyncio.create_task(_announce(settings, announce))
    try:
        await stop.wait()
    finally:
        announcing.cancel()
        for keeper in keepers:
            await keeper.stop()
        await asyncio.gather(*tasks)
    return not any(keeper.gave_up for keeper in keepers)


def _each(calls: Iterable[Callable[[], None]]) -> None:
    for call in calls:
        call()


async def _announce(settings: Settings, announce: Callable[[str], None]) -> None:
    since_s = time.time()
    while True:
        with contextlib.suppress(WarehouseError, OSError):
            store = StoreFile.read_running(settings.store_file)
            if store is not None and settings.store_file.stat().st_mtime >= since_s - 1:
                announce(store.console_url)
                return
        await asyncio.sleep(ANNOUNCE_POLL_S)


class _Keeper:
    """
    Keeps one process running.

    Args:
        stop: set when the process cannot start at all.
    """

    def __init__(self, name: str, settings: Settings, stop: asyncio.Event) -> None:
        self.gave_up = False
        self._name = name
        self._settings = settings
        self._stop = stop
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = asyncio.Event()

    async def keep(self) -> None:
        """Start the process and start it again whenever it ends; give up if its first start is refused."""
        pause_s, first = FIRST_RESTART_S, True
        while not self._stopping.is_set():
            started = asyncio.get_running_loop().time()
            try:
                self._process = process = await self._start()
            except OSError as error:  # the system has no process to give, for now
                status, what = None, f"was not started: {error.strerror}"
            else:
                if self._stopping.is_set():  # asked to while it was being started
                    process.terminate()
                status = await process.wait()
                what = f"ended with status {status}"
            if self._stopping.is_set():
                return
            steady = asyncio.get_running_loop().time() - started > STEADY_S
            if first and not steady and status == EXIT_CANNOT_START:
                self.gave_up = True
                self._stop.set()
                return
            first = False
            pause_s = FIRST_RESTART_S if steady else min(pause_s * 2, MAX_RESTART_S)
            logger.error("the %s process %s; starting it again in %.1f s", self._name, what, pause_s)
            try:
                await asyncio.wait_for(self._stopping.wait(), pause_s)
            except TimeoutError:
                continue

    def hang_up(self) -> None:
        """Ask the process to look for changed files now."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(signal.SIGHUP)

    async def stop(self) -> None:
        """Ask the process to finish; kill it when it does not."""
        self._stopping.set()
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), STOP_S)
        except TimeoutError:
            logger.error("the %s process does not stop; killing it. The spool keeps what it had accepted.", self._name)
            process.kill()
            await process.wait()

    async def _start(self) -> asyncio.subprocess.Process:
        environment = os.environ | {SETTINGS_VARIABLE: encode_settings(self._settings)}
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "trackway_collector.up",
            self._name,
            stdin=asyncio.subprocess.PIPE,
            env=environment,
        )


def encode_settings(settings: Settings) -> str:
    """Return the settings as text, for a process's environment: arguments can be read by every user."""
    return json.dumps(dataclasses.asdict(settings), default=str)


def decode_settings(text: str) -> Settings:
    """Return the settings of their text."""
    values: dict[str, Any] = json.loads(text)
    exact = {name: tuple(value) for name, value in values.items() if isinstance(value, list)}
    paths = {name: Path(values[name]) for name in ("config", "data_dir")}
    return Settings(**values | exact | paths)


def main() -> None:
    """Be one of the processes; the supervisor says which and with what settings."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until the process can look for changes; there are none yet
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    settings = decode_settings(os.environ.pop(SETTINGS_VARIABLE))
    gives_up_at = time.monotonic() + BUSY_S
    while True:
        try:
            _be(sys.argv[1], settings)
            return
        except (SpoolLocked, EngineBusyError, OSError) as error:
            # Another house may be here, or only the last moments of one that was killed.
            if time.monotonic() > gives_up_at:
                _cannot_start(error)
            time.sleep(BUSY_POLL_S)
        except (CollectorError, WarehouseError) as error:
            _cannot_start(error)


def _be(name: str, settings: Settings) -> None:
    if name == "ingest":
        from trackway_collector.ingest import worker

        worker.run(settings, parent_pipe=True)
    else:
        from trackway_collector.store import process

        asyncio.run(process.serve(settings, parent_pipe=True))


def _cannot_start(error: Exception) -> NoReturn:
    hint = ""
    if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
        hint = "\n  Stop what listens there, or choose others: --port, --console-port, --query-port."
    print(f"{error}{hint}", file=sys.stderr)  # noqa: T201
    sys.exit(EXIT_CANNOT_START)


if __name__ == "__main__":
    main()
