"""A person leaves the page while the collector is in trouble."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.clients import installed
from tests.clients.browsing import pages
from tests.clients.faults import Fault, FaultProxy
from tests.clients.journey import waves
from tests.support.browser import headless_browser
from tests.support.house import KEY, open_house, wait_for

# A clean checkout installs the clients first.
pytestmark = pytest.mark.timeout(600)

IN_TROUBLE = Fault(503, times=1_000)


def test_the_next_page_sends_what_the_last_one_could_not(tmp_path: Path) -> None:
    """Events that were refused until the page was left are stored once, when the site's next page was seen."""
    installed.install_all()
    with open_house(tmp_path / "data") as house, FaultProxy(house.port) as proxy:
        port = proxy.open(IN_TROUBLE)
        host = f"http://127.0.0.1:{port.number}"
        cases = [{"name": name, "host": host, "key": KEY, "variant": ""} for name in ("tea", "cups")]
        with pages(cases) as shop, headless_browser() as chrome:
            chrome.get(f"http://shop.localhost:{shop}/tea")
            chrome.execute_async_script("play(arguments[0]).then(arguments[1])", waves()[0])
            sent = {each["id"] for each in chrome.execute_script("return window.sent")}
            assert len(sent) == 3
            wait_for(lambda: {one for each in port.exchanges for one in each.ids} == sent, 20, "each was refused once")
            chrome.get(f"http://shop.localhost:{shop}/cups")
            port.fault = Fault()
            wait_for(lambda: house.value("SELECT count() FROM events") == 3, 60, "the events are stored")
        with house.warehouse() as warehouse:
            stored = [row[0] for row in warehouse.query("SELECT message_id FROM events").rows]

    assert Counter(stored) == Counter(sent)
    assert proxy.failures == []
