"""
A process under a supervisor: `python -m trackway_collector.supervised ingest w0`, or `store`.

It gets its settings by the environment and takes the end of its standard input for the supervisor's death.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any, NoReturn

from trackway_collector.config import Settings
from trackway_collector.errors import CollectorError, SpoolLocked, with_cure
from trackway_collector.warehouse import EngineBusyError, WarehouseError

SETTINGS_VARIABLE = "TRACKWAY_PROCESS_SETTINGS"
BUSY_S = 5.0
BUSY_POLL_S = 0.2
EXIT_CANNOT_START = 3


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
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until somebody here knows what to look at again
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})  # the supervisor has blocked it
    settings = decode_settings(os.environ.pop(SETTINGS_VARIABLE))
    role, *worker = sys.argv[1:]
    gives_up_at = time.monotonic() + BUSY_S
    while True:
        try:
            be(role, settings, *worker)
            return
        except (SpoolLocked, EngineBusyError, OSError) as error:
            # Another house may be here, or only the last moments of one that was killed.
            if time.monotonic() > gives_up_at:
                _cannot_start(error)
            time.sleep(BUSY_POLL_S)
        except (CollectorError, WarehouseError) as error:
            _cannot_start(error)


def be(role: str, settings: Settings, worker: str = "") -> None:
    """Serve as the `ingest` worker of that name, or as the `store`, until told to stop."""
    from trackway_collector.logs import set_up_logs

    set_up_logs(settings.log_format, worker or role)
    if role == "ingest":
        from trackway_collector.ingest import worker as ingest

        ingest.run(settings, worker, parent_pipe=True)
    else:
        from trackway_collector.store import process

        asyncio.run(process.serve(settings, parent_pipe=True))


def _cannot_start(error: Exception) -> NoReturn:
    print(with_cure(error), file=sys.stderr)  # noqa: T201
    sys.exit(EXIT_CANNOT_START)


if __name__ == "__main__":
    main()
