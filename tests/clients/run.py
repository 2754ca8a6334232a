"""Let every client meet every answer, all at once, and return what arrived."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.clients import installed, journey
from tests.clients.browsing import browse
from tests.clients.catalogue import ANSWERS, CLIENTS, Client
from tests.clients.faults import Fault, FaultProxy, Port
from tests.support.house import KEY, House, open_house, wait_for

DRIVER_S = 240
"""Clients back off for seconds at a time, with jitter; together they need about a minute."""
AT_ONCE = 5
"""Clients at a time, of which each meets all answers at once; more would keep two cores too busy to answer in time."""
DRIVERS = Path(__file__).parent / "drivers"
ROWS = """
SELECT * REPLACE (toJSONString(properties) AS properties, toJSONString(traits) AS traits)
FROM events WHERE source != 'web'
"""


@dataclass
class Meeting:
    """One client at one answer."""

    client: Client
    answer: str
    port: Port = field(default_factory=lambda: Port(Fault()))
    """Where the client sends, once the proxy has opened it."""
    ids: dict[str, str] = field(default_factory=dict)
    """Call → the id under which the client sent it."""
    rows: list[dict[str, Any]] = field(default_factory=list)
    """What is in the table `events`."""

    @property
    def source(self) -> str:
        return f"{self.client.name}-{self.answer}"

    @property
    def key(self) -> str:
        return f"key-of-{self.source}"

    @property
    def first(self) -> set[str]:
        """The ids of the first wave, whose requests meet the answer."""
        return {self.ids[call["call"]] for call in journey.waves(self.client.calls)[0]}

    def case(self) -> dict[str, Any]:
        """What its driver is told."""
        host = f"http://127.0.0.1:{self.port.number}"
        return {"name": self.source, "host": host, "key": self.key, "waves": journey.waves(self.client.calls)} | (
            {"variant": self.client.variant} if self.client.runtime == "browser" else {}
        )


@dataclass
class Run:
    """All that came of it."""

    meetings: dict[tuple[Client, str], Meeting]
    problems: list[str]
    """What drivers wrote about calls that failed, and mistakes of the proxy."""
    quarantined: int


def run_all(directory: Path) -> Run:
    """Install what is missing, start a house, and return when the last event is in its warehouse."""
    installed.install_all()
    meetings = {(client, answer): Meeting(client, answer) for client in CLIENTS for answer in ANSWERS}
    by_source = {meeting.source: meeting for meeting in meetings.values()}
    options = [part for meeting in meetings.values() for part in ("--write-key", f"{meeting.source}={meeting.key}")]
    # A Snowplow tracker has no key; the source says which app id is its own.
    named = [
        f'[sources."{meeting.source}"]\nforeign_ids = ["snowplow:{meeting.key}"]\n'
        for meeting in meetings.values()
        if meeting.client.wire == "snowplow"
    ]
    (directory / "trackway.toml").write_text("".join(named), "utf-8")
    problems = []
    with open_house(directory / "data", *options, cwd=directory) as house, FaultProxy(house.port) as proxy:
        for meeting in meetings.values():
            meeting.port = proxy.open(ANSWERS[meeting.answer])
        # They mostly wait; the browsers wait longest, so they go first.
        clients = sorted(CLIENTS, key=lambda client: client.runtime != "browser")
        with ThreadPoolExecutor(AT_ONCE) as pool:
            told = pool.map(_drive, clients, ([meetings[client, answer] for answer in ANSWERS] for client in clients))
            for said, problem in told:
                problems += [problem] if problem else []
                for line in said:
                    by_source[line["case"]].ids[line["call"]] = line["id"]
        quarantined = _collect(house, by_source)
        problems += [repr(failure) for failure in proxy.failures]
    return Run(meetings, problems, quarantined)


def _drive(client: Client, meetings: list[Meeting]) -> tuple[list[dict[str, str]], str]:
    """Run a client's driver; returns what it sent, and what went wrong."""
    cases = [meeting.case() for meeting in meetings]
    if client.runtime == "browser":
        return browse(cases, [meeting.port for meeting in meetings]), ""
    folder = installed.folder_of(client)
    if client.runtime == "node":
        script, *arguments = client.program
        command = [shutil.which("node") or "node", str(DRIVERS / script), *arguments]
        environment = {"TRACKWAY_TEST_NPM": str(folder)}
    else:
        module, *arguments = client.program
        # -S: nothing of this environment, only the client's folder and this checkout.
        command = [sys.executable, "-S", "-m", f"tests.clients.drivers.{module}", *arguments]
        environment = {"PYTHONPATH": os.pathsep.join([str(folder), str(installed.ROOT)])}
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    try:
        done = subprocess.run(
            command, input=json.dumps(cases), env=kept | environment, capture_output=True, text=True, timeout=DRIVER_S,
            check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        return [], f"{client.name} had not ended after {DRIVER_S} s: {(error.stderr or b'')[-2000:]!r}"
    problem = f"{client.name} ended with {done.returncode}: {done.stderr[-2000:]}" if done.returncode else ""
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")], problem


def _collect(house: House, by_source: dict[str, Meeting]) -> int:
    """Fill in the rows of every meeting; returns how many events are in quarantine."""
    # The loader goes through the spool in order: when the last event is there, so is all that was accepted before it.
    status, _, _ = house.post([{"type": "track", "event": "last", "userId": "last", "messageId": "last"}])
    assert status == 200, f"the collector answers {status} with the key {KEY}"
    wait_for(lambda: house.value("SELECT count() FROM events WHERE message_id = 'last'") == 1, 60, "the last is stored")
    found = defaultdict(list)
    with house.warehouse() as warehouse:
        for row in warehouse.query(ROWS).dicts():
            found[row["source"]].append(row)
    for source, meeting in by_source.items():
        meeting.rows = found[source]
    return int(house.value("SELECT count() FROM quarantine"))
