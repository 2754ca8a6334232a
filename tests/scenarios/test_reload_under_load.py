"""Keys and limits change while clients send: nobody who may send is turned away, and what is new holds in seconds."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

from tests.support.house import House, environment, free_port, open_house, wait_for
from trackway_collector.keystore import read_store

CLIENTS = 3


class Worker:
    """`trackway collector serve` on a free port, with the trackway.toml of its directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port = free_port()
        self.log = directory / "worker.log"
        command = [sys.executable, "-m", "trackway", "collector", "serve", "--data-dir", "data"]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*command, "--port", str(self.port)],
                cwd=directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment(),
            )
        wait_for(lambda: self.get("/ready")[0] == 200, 60, "the worker accepts events")

    def get(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, ""
        except OSError:
            return 0, ""

    def post(self, key: str, events: int = 1, **headers: str) -> tuple[int, str]:
        """Return status and code of the answer to a batch; status 0 when there was none."""
        batch = [{"type": "track", "event": "e", "userId": "u", "messageId": str(uuid.uuid4())} for _ in range(events)]
        headers["Authorization"] = "Basic " + base64.b64encode(f"{key}:".encode()).decode()
        url = f"http://127.0.0.1:{self.port}/v1/batch"
        try:
            with urllib.request.urlopen(
                urllib.request.Request(url, json.dumps({"batch": batch}).encode(), headers), timeout=10
            ) as answer:
                return answer.status, ""
        except urllib.error.HTTPError as error:
            found: dict[str, Any] = json.load(error)
            return error.code, found["code"]
        except OSError as error:
            return 0, repr(error)

    def metric(self, name: str) -> float:
        lines = self.get("/metrics")[1].splitlines()
        return next(float(line.rpartition(" ")[2]) for line in lines if line.startswith(f"{name}{{"))

    def write(self, toml: str) -> None:
        """Put a trackway.toml in place, as an editor or a deployment does."""
        draft = self.directory / "draft"
        draft.write_text(toml)
        draft.replace(self.directory / "trackway.toml")


@contextlib.contextmanager
def serving(directory: Path, toml: str = "") -> Iterator[Worker]:
    """A worker, gone afterwards whatever happened."""
    if toml:
        (directory / "trackway.toml").write_text(toml)
    worker = Worker(directory)
    try:
        yield worker
    finally:
        worker.process.kill()
        worker.process.wait()


@contextlib.contextmanager
def steady_load(worker: Worker, key: str) -> Iterator[list[tuple[int, str]]]:
    """Clients that post without pause; yields the answers other than 200."""
    finish = threading.Event()
    failed: list[tuple[int, str]] = []

    def run() -> None:
        while not finish.is_set():
            answer = worker.post(key, events=5)
            if answer[0] != 200:
                failed.append(answer)

    threads = [threading.Thread(target=run) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    try:
        yield failed
    finally:
        finish.set()
        for thread in threads:
            thread.join()


def test_keys_and_limits_change_under_load(tmp_path: Path) -> None:
    """A new key and a new limit hold when the file has changed; those who send meanwhile notice nothing."""
    with serving(tmp_path, '[write_keys]\nweb = "web-key"\n') as worker, steady_load(worker, "web-key") as failed:
        assert worker.post("api-key") == (401, "unknown_write_key")
        worker.write('[write_keys]\nweb = "web-key"\napi = "api-key"\n[sources.api.limits]\nbatch_events = 2\n')
        wait_for(lambda: worker.post("api-key") == (200, ""), 30, "the new key is known")
        assert worker.post("api-key", events=3) == (400, "too_many_events")
        worker.write('[write_keys]\nweb = "web-key"\n')
        wait_for(lambda: worker.post("api-key") == (401, "unknown_write_key"), 30, "it is unknown again")
        for _ in range(20):
            worker.process.send_signal(signal.SIGHUP)
            assert worker.post("web-key") == (200, "")
        assert failed == []


def test_a_broken_file_changes_nothing(tmp_path: Path) -> None:
    """What was in force stays, the log says why, a metric counts it, and the mended file is taken."""
    with serving(tmp_path, '[write_keys]\nweb = "web-key"\n') as worker:
        for count, broken in enumerate(["[write_keys\n", "[sources.web.limit]\n", "write_keys = {}\n"], start=1):
            worker.write(broken)
            wait_for(lambda count=count: worker.metric("trackway_reload_failures_total") == count, 30, "refused")  # type: ignore[misc]
            assert worker.post("web-key") == (200, "")
        taken = worker.metric("trackway_reload_last_success_timestamp_seconds")
        os.remove(tmp_path / "trackway.toml")
        wait_for(lambda: worker.metric("trackway_reload_failures_total") == 4, 30, "a file that is gone is refused")
        worker.write('[write_keys]\nweb = "other-key"\n')
        wait_for(lambda: worker.post("other-key") == (200, ""), 30, "the mended file is in force")
        assert worker.post("web-key") == (401, "unknown_write_key")
        assert worker.metric("trackway_reload_last_success_timestamp_seconds") > taken
        log = worker.log.read_text()
        assert log.count("is refused, what was in force stays") == 4
        assert "other-key" not in log


def key_command(directory: Path, *arguments: str) -> str:
    """Run `trackway collector keys` and return what it printed."""
    command = [sys.executable, "-m", "trackway", "collector", "keys", "--data-dir", str(directory / "data")]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, env=environment(), check=True)
    return done.stdout.strip()


def test_a_key_is_rotated_and_revoked_under_load(tmp_path: Path) -> None:
    """
    The new key works while the old one still does, and the old one ends with the overlap; a revoked one ends at once.
    Whoever sends with the key that stays notices nothing, and no key is in the log.
    """
    old = key_command(tmp_path, "create", "web")
    steady = key_command(tmp_path, "create", "api")
    with serving(tmp_path) as worker, steady_load(worker, steady) as failed:
        assert worker.post(old) == (200, "")
        new = key_command(tmp_path, "rotate", "web", "--overlap", "6s")
        wait_for(lambda: worker.post(new) == (200, ""), 5, "the new key is known")
        assert worker.post(old) == (200, "")
        wait_for(lambda: worker.post(old) == (401, "expired_write_key"), 30, "the overlap ends")
        assert worker.post(new) == (200, "")
        key_command(tmp_path, "revoke", read_store(tmp_path / "data" / "keys.json").keys[-1].id)
        wait_for(lambda: worker.post(new) == (401, "revoked_write_key"), 10, "the key is revoked")
        page = key_command(tmp_path, "create", "page", "--origin", "https://*.shop.example")
        wait_for(lambda: worker.post(page) == (200, ""), 10, "a server may send with it")
        assert worker.post(page, Origin="https://eu.shop.example") == (200, "")
        assert worker.post(page, Origin="https://shop.example.evil.example") == (403, "origin_not_allowed")
        worker.post("tw_unknown-key", Origin="https://eu.shop.example")
        assert failed == []
        log = worker.log.read_text() + worker.get("/metrics")[1]
        assert not [key for key in (old, new, steady, page, "tw_unknown-key") if key in log]


def test_a_house_without_a_plan_survives_sighup(tmp_path: Path) -> None:
    """Asked to look for changes, a collector and store that have no plan go on."""
    with open_house(tmp_path / "data") as house:
        assert house._process is not None
        wait_for(lambda: (tmp_path / "data" / "store.json").exists(), 60, "the store runs")
        before = [child.pid for child in psutil.Process(house._process.pid).children()]
        house._process.send_signal(signal.SIGHUP)
        key = key_command(tmp_path, "create", "web", "--environment", "staging")
        wait_for(lambda: key_page(house, key).get("environment") == "staging", 10, "the key is known")
        assert [child.pid for child in psutil.Process(house._process.pid).children()] == before
        assert house.post([{"type": "track", "event": "e", "userId": "u", "messageId": "m"}])[0] == 200


def key_page(house: House, key: str) -> dict[str, Any]:
    """What the collector says about a key."""
    authorization = "Basic " + base64.b64encode(f"{key}:".encode()).decode()
    request = urllib.request.Request(f"{house.url}/v1/plan", headers={"Authorization": authorization})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            page: dict[str, Any] = json.load(answer)
            return page
    except urllib.error.HTTPError:
        return {}


def test_what_needs_a_restart_is_named(tmp_path: Path) -> None:
    """A changed port is not followed; the log says that it waits. What an argument gave the file does not touch."""
    with serving(tmp_path, '[write_keys]\nweb = "web-key"\n') as worker:
        worker.write('port = 1\nspool_grace_s = 5\ndata_dir = "elsewhere"\n[write_keys]\nweb = "web-key"\n')
        waits = "restart the collector for these to change: spool_grace_s"
        wait_for(lambda: waits in worker.log.read_text(), 30, "the log names it")
        assert worker.post("web-key") == (200, "")
