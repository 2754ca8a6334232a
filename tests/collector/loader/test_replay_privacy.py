"""What a replay brings in obeys the privacy rules of today."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from trackway_collector.ingest.privacy.addresses import kept
from trackway_collector.ingest.privacy.policy import Privacy
from trackway_collector.ingest.rules.sources import Policies, SourcePolicy
from trackway_collector.replay.replay import Tally, Waiting, rejudge

DENIED = {"consent": {"categoryPreferences": {"Analytics": False}}}
EVENT = {"type": "track", "event": "e", "messageId": "m", "userId": "u"}
WAITING = Waiting("w0", 0, 0, "web", "track", "e", "m", 1, None, "")
KEY = b"0123456789abcdef"


def replayed(context: object, privacy: Privacy) -> tuple[bytes, Tally]:
    """What a replay writes of an event with this context."""
    waiting = replace(WAITING, payload=msgspec.json.encode(EVENT | {"context": context}).decode())
    tally = Tally(0)
    records = rejudge([waiting], None, tally, KEY, policies=Policies(SourcePolicy(privacy=privacy)))
    return b"".join(meta + body for meta, body in records), tally


def test_an_address_is_kept_as_the_policy_has_it() -> None:
    """An address that came before the rule is removed, cut or hashed when the event is brought in."""
    for rule, found in (("remove", b""), ("truncate", b"198.51.100.0"), ("hash", b"hmac-sha256:")):
        written, tally = replayed({"ip": "198.51.100.77"}, Privacy(ip=rule))  # type: ignore[arg-type]
        assert b"198.51.100.77" not in written
        assert found in written
        assert tally.fitting == 1


def test_without_consent_it_stays() -> None:
    """An event of somebody who has not agreed is not brought in."""
    written, tally = replayed(DENIED, Privacy(consent=("Analytics",)))
    assert (written, tally.fitting, tally.stays["e", "no_consent"]) == (b"", 0, 1)


@pytest.mark.parametrize("rule", ["hash", "truncate"])
def test_an_address_that_follows_the_rule_stays_what_it_is(rule: str) -> None:
    """A hash is not hashed again, and a cut address is cut already."""
    once = kept("198.51.100.77", rule, KEY)  # type: ignore[arg-type]
    assert kept(once, rule, KEY) == once  # type: ignore[arg-type]
