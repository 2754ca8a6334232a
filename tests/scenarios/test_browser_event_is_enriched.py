"""A browser's event and a server's, over HTTP into a running `trackway up`: what the rows say about each."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path

from tests.support.house import KEY, open_house, wait_for

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:129.0) Gecko/20100101 Firefox/129.0"
PAGE = "https://shop.garden.example/seeds?utm_source=partner-7&utm_medium=link"


def test_a_browsers_event_says_how_its_person_came(tmp_path: Path) -> None:
    """Browser, channel by a rule of one's own, and a session come with a browser's event, and none with a server's."""
    (tmp_path / "channels.yaml").write_text("channels:\n  - channel: Partners\n    when: [{source: /^partner-/}]\n")
    channels = {"TRACKWAY_CHANNELS": str(tmp_path / "channels.yaml")}
    with open_house(tmp_path / "house", environment=channels) as house:

        def post(event: dict[str, object], **headers: str) -> None:
            body = json.dumps({"writeKey": KEY, "type": "track", "event": "seed_seen"} | event).encode()
            names = {name.replace("_", "-"): value for name, value in headers.items()}
            with urllib.request.urlopen(urllib.request.Request(f"{house.url}/v1/t", body, names)) as answer:
                assert answer.status == 200

        browser = {"Origin": "https://shop.garden.example", "User_Agent": FIREFOX, "Accept_Language": "pt-PT,pt;q=0.9"}
        page = {"page": {"url": PAGE, "referrer": "https://www.google.com/"}}
        post({"messageId": "b-1", "anonymousId": "a-1", "context": page}, **browser)
        post({"messageId": "b-2", "anonymousId": "a-1"}, **browser)
        post({"messageId": "s-1", "userId": "ana"}, User_Agent="python-requests/2.32")
        wait_for(lambda: house.value("SELECT count() FROM events") == 3, 30, "three rows")

        columns = "message_id, browser_name, locale, channel, referrer_name, bot, startsWith(session_id, 'auto-')"
        with house.warehouse() as warehouse:
            rows = warehouse.query(f"SELECT {columns} FROM events ORDER BY message_id").rows  # noqa: S608
            sessions = warehouse.query("SELECT uniqExact(session_id) FROM events WHERE session_id != ''").one()

    assert rows == [
        ("b-1", "Firefox", "pt-PT", "Partners", "Google", "", 1),
        ("b-2", "Firefox", "pt-PT", "", "", "", 1),
        ("s-1", "", "", "", "", "", 0),
    ]
    assert sessions == 1
