"""What the collector has stored, by the number that each event carries: the proof that none is lost or doubled."""

from __future__ import annotations

import secrets
from collections import Counter

from tests.scenarios.servers.visitors import Visitors
from tests.support.house import House, wait_for

STORE_S = 60


class Ledger:
    """
    The tables of a running house.

    Rows are counted by number, so an event that was made twice shows, whatever message ids it had. An event that was
    *sent* twice under one message id is stored once; the loader counts it as a duplicate: `repeats()` is that count.
    """

    def __init__(self, house: House) -> None:
        self.house = house

    def settle(self) -> None:
        """Wait until everything that the collector has acknowledged so far is in the tables."""
        marker = f"settled {secrets.token_hex(8)}"
        event = {"type": "track", "event": marker, "messageId": marker, "userId": "test", "properties": {"number": 1}}
        status, _, _ = self.house.post([event])
        assert status == 200
        wait_for(lambda: self.numbers(marker)[1] == 1, STORE_S, "what was acknowledged is stored")

    def numbers(self, event: str) -> Counter[int]:
        """Return how many rows each number has under this event's name."""
        with self.house.warehouse() as warehouse:
            sql = "SELECT properties.number.:Int64, count() FROM events WHERE event = {event:String} GROUP BY 1"
            return Counter(dict(warehouse.query(sql, {"event": event}).rows))

    def repeats(self) -> int:
        """Return how many events have arrived more than once under one message id, since the house was opened."""
        return int(self.house.value("SELECT sum(duplicates) FROM loads") or 0)

    def check(self, event: str, visitors: Visitors) -> None:
        """
        Every answered number is stored once, and no number is stored twice.

        A number that was not answered may have been tracked: it may be stored, once.
        """
        self.settle()
        stored = self.numbers(event)
        lost = visitors.answered - stored.keys()
        doubled = {number: times for number, times in stored.items() if times > 1}
        invented = stored.keys() - visitors.answered - visitors.unanswered
        assert (len(lost), len(doubled), len(invented)) == (0, 0, 0), (sorted(lost)[:20], doubled, sorted(invented))
