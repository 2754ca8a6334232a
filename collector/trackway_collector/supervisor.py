"""
Keep processes running: start them, start them again when they end, and end them when asked to.

A process that cannot start at all, for a reason that time will not cure, ends everything with its message. If the
supervisor itself is killed, the pipe that is the processes' standard input ends, and they leave too: nothing keeps
ports or locks.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterable, Sequence

from trackway_collector.config import Settings
from trackway_collector.stopping import EXIT_NOT_DONE
from trackway_collector.supervised import EXIT_CANNOT_START, SETTINGS_VARIABLE, encode_settings

logger = logging.getLogger(__name__)

FIRST_RESTART_S = 0.2
MAX_RESTART_S = 10.0
STEADY_S = 30.0
KILL_AFTER_S = 10.0
"""A process ends itself at its own deadline; this long after that it is killed."""


async def supervise(settings: Settings, stages: Sequence[Sequence[str]]) -> int:
    """
    Run the processes until SIGTERM or SIGINT, then stop them stage by stage; SIGHUP is passed on to all of them.

    Args:
        stages: names of processes, as `supervised.be` knows them; those of one stage are stopped together.

    Returns:
        The exit status: 0; 3 when a process could not start at all, 4 when one did not stop in time; it has said why.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    keepers = [[Keeper(name, settings, stop) for name in names] for names in stages]
    every = [keeper for stage in keepers for keeper in stage]
    tasks = [asyncio.create_task(keeper.keep()) for keeper in every]
    if not sys.stdin.isatty():  # on a terminal, SIGHUP says that it is gone
        loop.add_signal_handler(signal.SIGHUP, _each, [keeper.hang_up for keeper in every])
    try:
        await stop.wait()
    finally:
        for stage in keepers:
            await asyncio.gather(*(keeper.stop() for keeper in stage))
        await asyncio.gather(*tasks)
    if any(keeper.gave_up for keeper in every):
        return EXIT_CANNOT_START
    return EXIT_NOT_DONE if any(keeper.cut_short for keeper in every) else 0


def _each(calls: Iterable[Callable[[], None]]) -> None:
    for call in calls:
        call()


class Keeper:
    """
    Keeps one process running.

    Args:
        name: of the process, as `supervised.be` knows it.
        stop: set when the process cannot start at all.
    """

    def __init__(self, name: str, settings: Settings, stop: asyncio.Event) -> None:
        self.gave_up = False
        self.cut_short = False
        """Whether the process left with something undone when it was asked to stop."""
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
        """Ask the process to look now for what has changed: releases, keys, limits."""
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
            status = await asyncio.wait_for(process.wait(), self._settings.stop_within_s + KILL_AFTER_S)
            self.cut_short = status == EXIT_NOT_DONE
        except TimeoutError:
            logger.error("the %s process does not stop; killing it. The spool keeps what it had accepted.", self._name)
            self.cut_short = True
            process.kill()
            await process.wait()

    async def _start(self) -> asyncio.subprocess.Process:
        environment = os.environ | {SETTINGS_VARIABLE: encode_settings(self._settings)}
        # Blocked signals stay blocked over exec: a SIGHUP that comes before the process knows the signal would end it.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
        try:
            return await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "trackway_collector.supervised",
                *self._name.split(),
                stdin=asyncio.subprocess.PIPE,
                env=environment,
            )
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})
