"""Real servers in processes of their own: started on a free port, signalled, stopped, killed."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil

from tests.support.house import KEY, House, environment, free_port

APPS = Path(__file__).parent / "apps"
STOP_S = 60


class Server:
    """A server's first process (its master or supervisor, where it has one) and what it started."""

    def __init__(self, command: list[str], log: Path, environ: dict[str, str], port: int) -> None:
        self.port = port
        self.log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command,
                stdout=output,
                stderr=output,
                stdin=subprocess.DEVNULL,
                env=environ,
                cwd=APPS,
                start_new_session=True,
            )

    @property
    def workers(self) -> list[int]:
        """The processes below the first."""
        with contextlib.suppress(psutil.NoSuchProcess):
            return [child.pid for child in psutil.Process(self._process.pid).children(recursive=True)]
        return []

    def signal(self, number: int) -> None:
        """Send a signal to the first process."""
        self._process.send_signal(number)

    def stop(self) -> int:
        """Ask it to stop, as a service manager would; return the exit status."""
        self._process.terminate()
        return self._process.wait(STOP_S)

    def wait(self) -> int:
        """Wait until it has ended by itself; return the exit status."""
        return self._process.wait(STOP_S)

    def kill(self) -> None:
        """Kill -9 everything of it at once."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def said(self) -> str:
        """What it and its application wrote."""
        return self.log.read_text(errors="replace")


@contextlib.contextmanager
def serving(
    command: list[str],
    house: House,
    event: str,
    directory: Path,
    *,
    environ: Mapping[str, str] | None = None,
    port: int = 0,
) -> Iterator[Server]:
    """
    Run `python <command>` with variables that set up its tracker, and those of `environ`.

    `$TEST_PYTHON` names another Python than the one that runs the tests, to try the same with that.
    `{port}` in the command becomes `port`, or a free one.
    """
    port = port or free_port()
    variables = environment() | {"TEST_EVENT": event, "TRACKWAY_WRITE_KEY": KEY, "TRACKWAY_HOST": house.url}
    # The truth here is who drains at all. Two seconds are many for it, but few where tests keep the machine busy.
    variables["TRACKWAY_EXIT_TIMEOUT_S"] = "30"
    variables |= dict(environ or {})
    python = os.environ.get("TEST_PYTHON", sys.executable)
    arguments = [part.format(port=port) for part in command]
    server = Server([python, *arguments], directory / "server.log", variables, port)
    try:
        yield server
    finally:
        server.kill()
