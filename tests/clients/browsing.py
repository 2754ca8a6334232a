"""The client of the browser, in a real one: its bundle from a local page, its events to the proxy on other ports."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.clients import installed
from tests.clients.catalogue import RETRY_AFTER_S
from tests.clients.faults import Port
from tests.support.browser import headless_browser

PLAY_S = 120
QUIET_S = RETRY_AFTER_S + 3.0
"""The browser's client sends again within this time, if at all: it adds less than a second to `Retry-After`."""
PAGE = Path(__file__).parent / "drivers" / "page.html"


def browse(cases: list[dict[str, Any]], ports: list[Port]) -> list[dict[str, str]]:
    """Open a window a case, play the first wave in all, then the second; returns what was sent under which id."""
    sent: list[dict[str, str]] = []
    with pages(cases) as port, headless_browser() as chrome:
        chrome.set_script_timeout(PLAY_S)
        windows = {}
        for case in cases:
            # Not a tab: one that is hidden believes that its page is being left.
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
            _until_quiet(ports)
        for case in cases:
            chrome.switch_to.window(windows[case["name"]])
            sent += chrome.execute_script("return window.sent")
    return sent


def _until_quiet(ports: list[Port]) -> None:
    """Return when no port has had a request for longer than the client waits before it sends again."""
    end = time.monotonic() + PLAY_S
    seen, since = -1, time.monotonic()
    while time.monotonic() < min(end, since + QUIET_S):
        count = sum(len(port.exchanges) for port in ports)
        if count != seen or any(port.busy for port in ports):
            seen, since = count, time.monotonic()
        time.sleep(0.1)


@contextmanager
def pages(cases: list[dict[str, Any]]) -> Iterator[int]:
    """Serve a page for each case, and the client's bundle as npm delivers it."""
    template = PAGE.read_text("utf-8")
    bundle = installed.npm_folder() / "node_modules" / "@segment" / "analytics-next" / "dist" / "umd"
    texts = {f"/{case['name']}": template.replace("CASE", json.dumps(case), 1) for case in cases}

    class Handler(SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            page = texts.get(self.path)
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
