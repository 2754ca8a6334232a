"""Several ingest workers share the port; each dies and comes back on its own, and what it acked is stored."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from tests.support.house import House, environment, free_port, open_house, wait_for
from tests.support.load import RetryingClient

CLIENTS = 6


@contextlib.contextmanager
def clients_of(house: House) -> Iterator[list[RetryingClient]]:
    """Clients that send; afterwards all of their events are acked."""
    clients = [RetryingClient(house, f"client-{n}", seed=n) for n in range(CLIENTS)]
    for client in clients:
        client.start()
    yield clients
    for client in clients:
        client.finish.set()
    for client in clients:
        client.join(60)
        assert not client.is_alive()


def assert_stored_once(house: House, clients: list[RetryingClient]) -> None:
    """Everything acked is stored, once; nothing else is."""
    acknowledged = {message_id for client in clients for message_id in client.acknowledged}
    wait_for(lambda: house.value("SELECT count() FROM events") == len(acknowledged), 60, "all events are stored")
    with house.warehouse() as warehouse:
        assert {row[0] for row in warehouse.query("SELECT message_id FROM events").rows} == acknowledged


def workers_of(house: House) -> dict[str, psutil.Process]:
    """The ingest workers that run, by name."""
    assert house._process is not None
    found = {}
    for child in psutil.Process(house._process.pid).children():
        with contextlib.suppress(psutil.NoSuchProcess):
            line = child.cmdline()
            if "ingest" in line:
                found[line[-1]] = child
    return found


def test_workers_killed_in_turn_lose_and_double_nothing(tmp_path: Path) -> None:
    """Of three workers one after the other is killed under load: it comes back, and acked = stored, each once."""
    dice = random.Random(7)
    with open_house(tmp_path / "data", "--workers", "3") as house:
        with clients_of(house) as clients:
            for victim in ("w0", "w1", "w2", "w1"):
                time.sleep(dice.uniform(0.5, 1.0))
                before = workers_of(house)[victim].pid
                house.kill(victim)
                wait_for(lambda v=victim, pid=before: v in (now := workers_of(house)) and now[v].pid != pid, 30, "back")  # type: ignore[misc]
        assert_stored_once(house, clients)
        assert {path.name for path in house.spool_dir.iterdir()} >= {"w0", "w1", "w2"}
        assert house.stop() == 0


def test_workers_leave_with_their_supervisor(tmp_path: Path) -> None:
    """A supervisor that is killed leaves nobody behind: the port is free again."""
    with open_house(tmp_path / "data", "--workers", "2") as house:
        assert house._process is not None
        left = list(workers_of(house).values())
        assert len(left) == 2
        os.kill(house._process.pid, signal.SIGKILL)
        wait_for(lambda: not any(process.is_running() for process in left), 60, "the workers have left")
        assert house.get("/live")[0] == 0


def test_sighup_reaches_every_worker_and_ends_none(tmp_path: Path) -> None:
    """SIGHUP to the supervisor makes all of them look again at once; it stops nobody, however early it comes."""
    with open_house(tmp_path / "data", "--workers", "2") as house:
        assert house._process is not None
        workers = {name: process.pid for name, process in workers_of(house).items()}
        for _ in range(5):
            os.kill(house._process.pid, signal.SIGHUP)
            time.sleep(0.1)
        house.kill("w1")
        for _ in range(30):  # while it starts again
            os.kill(house._process.pid, signal.SIGHUP)
            time.sleep(0.05)
        wait_for(lambda: house.get("/ready")[0] == 200 and len(workers_of(house)) == 2, 30, "both run")
        assert workers_of(house)["w0"].pid == workers["w0"]
        assert house.post([{"type": "track", "event": "knocked", "userId": "lina"}])[0] == 200
        assert house.stop() == 0
        assert (tmp_path / "data.log").read_text().count("starting it again") == 1


def test_fewer_workers_leave_nothing_behind(tmp_path: Path) -> None:
    """What three workers had acked and nobody had loaded is stored when one worker is left; their spools stay empty."""
    with open_house(tmp_path / "data", "--workers", "3") as house:
        with clients_of(house) as clients:
            time.sleep(1)
        house.kill()
        house.options = ()
        house.start()
        assert_stored_once(house, clients)
        assert list(workers_of(house)) == ["w0"]
        spools = {path.name for path in house.spool_dir.iterdir()}
        assert house.stop() == 0
        assert spools >= {"w0", "w1", "w2"}


def test_spools_of_another_machine_are_loaded(tmp_path: Path) -> None:
    """The spools of a machine that is given up, copied under names of their own, are stored by another."""
    with open_house(tmp_path / "old", "--workers", "2") as old:
        with clients_of(old) as clients:
            time.sleep(0.5)
        old.kill()
        # It had stored some of it, in a warehouse that is given up with it.
        for checkpoint in old.spool_dir.glob("*/checkpoint.json"):
            checkpoint.unlink()
        with open_house(tmp_path / "new") as new:
            for spool in old.spool_dir.iterdir():
                shutil.copytree(spool, new.spool_dir / f"old-{spool.name}")
            assert_stored_once(new, clients)


def test_no_two_collectors_share_a_port(tmp_path: Path) -> None:
    """A second collector with several workers does not join in on the first one's port: it says that it is taken."""
    with open_house(tmp_path / "data", "--workers", "2") as house:
        command = [sys.executable, "-m", "trackway", "collector", "serve", "--data-dir", str(tmp_path / "other")]
        command += ["--port", str(house.port), "--write-key", "web=another", "--workers", "2"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment(), check=False)
    assert done.returncode == 3
    assert "in use" in done.stderr
    assert "--port" in done.stderr


def test_serve_runs_workers_without_a_store(tmp_path: Path) -> None:
    """`collector serve --workers 2` accepts events by itself and ends both workers when it is asked to stop."""
    port = free_port()
    command = [sys.executable, "-m", "trackway", "collector", "serve", "--data-dir", str(tmp_path / "data")]
    command += ["--port", str(port), "--write-key", "web=house-key", "--workers", "2"]
    house = House(tmp_path / "data")
    house.port = port
    house._process = subprocess.Popen(command, env=environment(), stdin=subprocess.DEVNULL)
    try:
        wait_for(lambda: house.get("/ready")[0] == 200, 60, "it accepts events")
        wait_for(lambda: len(workers_of(house)) == 2, 60, "both workers run")
        workers = list(workers_of(house).values())
        assert house.post([{"type": "track", "event": "knocked", "userId": "lina"}])[0] == 200
        assert house.stop() == 0
        assert not any(process.is_running() for process in workers)
    finally:
        with contextlib.suppress(ProcessLookupError, AttributeError):
            house._process.kill()
