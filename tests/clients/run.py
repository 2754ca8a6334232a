"""Let every client meet every answer, all at once, and return what arrived."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.clients import installed, journey
from tests.clients.catalogue import ANSWERS, CLIENTS, RETRY_AFTER_S, Client
from tests.clients.faults import FaultProxy, Port
from tests.support.browser import headless_browser
from tests.support.house import KEY, House, open_house, wait_for

DRIVER_S = 150
"""Clients back off for seconds at a time, with jitter; together they need about a minute."""
QUIET_S = RETRY_AFTER_S + 3.0
"""The browser's client sends again within this time, if at all: it adds less than a second to `Retry-After`."""
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
    port: Port
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
    pairs = [(client, answer) for client in CLIENTS for answer in ANSWERS]
    keys = [f"{client.name}-{answer}" for client, answer in pairs]
    options = [part for source in keys for part in ("--write-key", f"{source}=key-of-{source}")]
    with open_house(directory / "data", *options) as house, FaultProxy(house.port) as proxy:
        meetings = {(client, answer): Meeting(client, answer, proxy.open(ANSWERS[answer])) for client, answer in pairs}
        by_source = {meeting.source: meeting for meeting in meetings.values()}
        problems = []
        with ThreadPoolExecutor(len(CLIENTS)) as pool:
            told = pool.map(
                _drive, CLIENTS, ([meetings[client, answer] for answer in ANSWERS] for client in CLIENTS)
            )
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
        return _browse(cases, meetings)
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
    done = subprocess.run(
        command, input=json.dumps(cases), env=kept | environment, capture_output=True, text=True, timeout=DRIVER_S,
        check=False,
    )  # fmt: skip
    problem = f"{client.name} ended with {done.returncode}: {done.stderr[-2000:]}" if done.returncode else ""
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")], problem


def _browse(cases: list[dict[str, Any]], meetings: list[Meeting]) -> tuple[list[dict[str, str]], str]:
    """Open a window a case and play the first wave in all of them, then the second."""
    sent: list[dict[str, str]] = []
    with _pages(cases) as port, headless_browser() as chrome:
        chrome.set_script_timeout(DRIVER_S)
        windows = {}
        for case in cases:
            chrome.switch_to.new_window("window")
            # An origin of its own: cookies and localStorage are not shared. The collector is another origin anyway.
            chrome.get(f"http://{case['name']}.localhost:{port}/{case['name']}")
            windows[case["name"]] = chrome.current_window_handle
        for number in range(2):
            for case in cases:
                chrome.switch_to.window(windows[case["name"]])
                chrome.execute_script("window.playing = play(arguments[0])", case["waves"][number])
            for case in cases:
                chrome.switch_to.window(windows[case["name"]])
                chrome.execute_async_script("window.playing.then(arguments[0], arguments[0])")
            _until_quiet(meetings)
        for case in cases:
            chrome.switch_to.window(windows[case["name"]])
            sent += chrome.execute_script("return window.sent")
    return sent, ""


def _until_quiet(meetings: list[Meeting]) -> None:
    """Return when no port has had a request for longer than the client waits before it sends again."""
    end = time.monotonic() + DRIVER_S
    seen, since = -1, time.monotonic()
    while time.monotonic() < min(end, since + QUIET_S):
        count = sum(len(meeting.port.exchanges) for meeting in meetings)
        if count != seen:
            seen, since = count, time.monotonic()
        time.sleep(0.1)


@contextmanager
def _pages(cases: list[dict[str, Any]]) -> Iterator[int]:
    """Serve a page for each case, and the client's bundle as npm delivers it."""
    template = (DRIVERS / "page.html").read_text("utf-8")
    bundle = installed.KEPT / installed.NPM / "node_modules" / "@segment" / "analytics-next" / "dist" / "umd"
    pages = {f"/{case['name']}": template.replace("CASE", json.dumps(case), 1) for case in cases}

    class Handler(SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            page = pages.get(self.path)
            if page is None:
                self.path = self.path.removeprefix("/bundle")
                super().do_GET()
                return
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(page.encode())

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(bundle)))
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


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
