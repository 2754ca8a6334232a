"""What reaches the spool of the people behind requests, through the real collector."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.collector.ingest.conftest import Collector, StartCollector
from trackway_collector.errors import ConfigError
from trackway_collector.ingest.privacy.addresses import TrustedProxies
from trackway_collector.ingest.privacy.device import Devices
from trackway_collector.ingest.privacy.places import Places
from trackway_collector.ingest.privacy.policy import Cookie, Privacy
from trackway_collector.ingest.rules.sources import SourcePolicy
from trackway_collector.spool.record import Client
from trackway_plan import Release

KEY = b"0123456789abcdef"
BROWSER = {"Origin": "https://shop.example", "User-Agent": "Mozilla/5.0 (X11)", "Accept-Language": "de-AT,de;q=0.9"}
BEHIND = {"X-Forwarded-For": "198.51.100.77"}
LOCAL = TrustedProxies(["127.0.0.1"])


def event(n: int = 1, **own: Any) -> dict[str, Any]:
    return {
        "type": "track",
        "event": "seeds_ordered",
        "messageId": f"m-{n}",
        "userId": "u",
        "timestamp": "2026-01-02T03:04:05Z",
        "properties": {"packets": n},
    } | own


def whole(collector: Collector) -> bytes:
    """All bytes that the collector has written, unpacked."""
    return b"".join(msgspec.json.encode(record) + body for record, body in collector.spooled())


@pytest.fixture(scope="session")
def places_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database that knows one network."""
    from mmdb_writer import MMDBWriter
    from netaddr import IPSet

    path = tmp_path_factory.mktemp("geoip") / "places.mmdb"
    writer = MMDBWriter(ip_version=6, ipv4_compatible=True, languages=["en"])
    place = {
        "country": {"iso_code": "AT", "names": {"en": "Austria"}},
        "subdivisions": [{"iso_code": "9", "names": {"en": "Vienna"}}],
        "city": {"names": {"en": "Wien"}},
    }
    writer.insert_network(IPSet(["198.51.100.0/24"]), place)
    writer.to_db_file(str(path))
    return path


async def test_servers_say_nothing_about_people(start_collector: StartCollector) -> None:
    """Address and user agent of a server that sends events are not kept: they are nobody's."""
    collector = await start_collector(policy=SourcePolicy(privacy=Privacy(ip="keep")), devices=Devices(LOCAL))
    await collector.post("/v1/batch", {"batch": [event()]}, **BEHIND)
    assert [record.client for record, _ in collector.spooled()] == [None]


@pytest.mark.parametrize(
    ("rule", "ip"),
    [
        ("as_sent", ""),
        ("keep", "198.51.100.77"),
        ("truncate", "198.51.100.0"),
        ("remove", ""),
        ("hash", "hmac-sha256:"),
    ],
)
async def test_a_browsers_address_follows_the_policy(start_collector: StartCollector, rule: Any, ip: str) -> None:
    """A browser's address is kept whole, cut, hashed or not at all; user agent and language are kept."""
    devices = Devices(LOCAL, key=KEY)
    collector = await start_collector(policy=SourcePolicy(privacy=Privacy(ip=rule)), devices=devices)
    await collector.post("/v1/batch", {"batch": [event()]}, **BROWSER, **BEHIND)
    ((record, _),) = collector.spooled()
    assert record.client is not None
    assert record.client.user_agent == "Mozilla/5.0 (X11)"
    assert record.client.locale == "de-AT"
    assert record.client.ip == ip if rule != "hash" else record.client.ip.startswith(ip)
    assert rule == "keep" or b"198.51.100.77" not in whole(collector)


@pytest.mark.parametrize("planned", [False, True])
@pytest.mark.parametrize("rule", ["truncate", "hash", "remove"])
@pytest.mark.parametrize(
    "body",
    [
        {"batch": [event(1, context={"ip": "198.51.100.77", "locale": "de"}), event(2)]},
        {"batch": [event(1), event(2)], "context": {"ip": "198.51.100.77"}},
        b'{"batch":[' + msgspec.json.encode(event(1)) + b',{"type":"track","context":{"\\u0069p":"198.51.100.77"}}]}',
        b'{"batch":[' + msgspec.json.encode(event(1)) + b',{"userId":"\\ud800","context":{"ip":"198.51.100.77"}}]}',
        b'{"batch":[' + msgspec.json.encode(event(1)) + b',"{\\"context\\":{\\"ip\\":\\"198.51.100.77\\"}}"]}',
    ],
    ids=["event", "envelope", "escaped", "unreadable", "quoted"],
)
async def test_addresses_inside_events_follow_the_policy(
    start_collector: StartCollector, garden: Release, planned: bool, rule: Any, body: Any
) -> None:
    """An address that a client wrote into a context is on no disk, however it was written; the events are all there."""
    policy = SourcePolicy(privacy=Privacy(ip=rule))
    collector = await start_collector(garden if planned else None, policy=policy, devices=Devices(key=KEY))
    status, _ = await collector.post("/v1/batch", body)
    assert status == 200
    assert b"198.51.100.77" not in whole(collector)
    ((record, kept),) = collector.spooled()
    assert record.events == len(msgspec.json.decode(kept)["batch"]) == 2
    assert msgspec.json.decode(kept)["batch"][0]["messageId"] == "m-1"


async def test_a_single_events_address_follows_the_policy(start_collector: StartCollector) -> None:
    """The routes for one event do as the batch does."""
    collector = await start_collector(policy=SourcePolicy(privacy=Privacy(ip="truncate")))
    await collector.post("/v1/track", event(context={"ip": "198.51.100.77"}))
    ((_, kept),) = collector.spooled()
    assert msgspec.json.decode(kept)["context"] == {"ip": "198.51.100.0"}


async def test_places_are_known_before_the_address_is_cut(start_collector: StartCollector, places_file: Path) -> None:
    """With a GeoIP database country, region and city are kept where the address itself is not."""
    devices = Devices(LOCAL, Places(places_file))
    collector = await start_collector(policy=SourcePolicy(privacy=Privacy(ip="remove")), devices=devices)
    await collector.post("/v1/batch", {"batch": [event()]}, **BROWSER, **BEHIND)
    await collector.post("/v1/batch", {"batch": [event()]}, **BROWSER, **{"X-Forwarded-For": "203.0.113.1"})
    clients = [record.client or Client() for record, _ in collector.spooled()]
    assert [(c.country, c.region, c.city, c.ip) for c in clients] == [("AT", "Vienna", "Wien", ""), ("", "", "", "")]


def test_a_file_that_is_no_database_is_an_error(tmp_path: Path) -> None:
    """The collector says which file and does not start."""
    (tmp_path / "places.mmdb").write_bytes(b"nothing of the kind")
    with pytest.raises(ConfigError, match=r"places\.mmdb: is no GeoIP database"):
        Places(tmp_path / "places.mmdb")
    with pytest.raises(ConfigError, match=r"nowhere\.mmdb: the GeoIP database cannot be read: No such file"):
        Places(tmp_path / "nowhere.mmdb")


@pytest.mark.parametrize("signal", [{"Sec-GPC": "1"}, {"DNT": "1"}])
async def test_a_signal_minimises_what_is_kept(
    start_collector: StartCollector, places_file: Path, signal: dict[str, str]
) -> None:
    """Who asks not to be tracked is counted without address, city and cookie."""
    policy = SourcePolicy(privacy=Privacy(ip="keep", cookie=Cookie("tw")))
    collector = await start_collector(policy=policy, devices=Devices(LOCAL, Places(places_file)))
    headers = {"Authorization": "Basic d2ViLWtleTo=", **BROWSER, **BEHIND, **signal}
    async with collector.client.post("/v1/batch", json={"batch": [event()]}, headers=headers) as answer:
        assert answer.status == 200
        assert not answer.cookies
    ((record, _),) = collector.spooled()
    assert record.client == Client("", "Mozilla/5.0 (X11)", "de-AT", "", "AT", opted_out=True)


async def test_a_signal_may_refuse_the_events(start_collector: StartCollector) -> None:
    """With `opt_out = "reject"` nothing of such events is kept, and they are counted as rejected for that reason."""
    collector = await start_collector(policy=SourcePolicy(privacy=Privacy(opt_out="reject")))
    for path, body in (("/v1/batch", {"batch": [event(1), event(2)]}), ("/v1/track", event(3))):
        status, answer = await collector.post(path, body, **BROWSER, **{"Sec-GPC": "1"})
        assert (status, answer) == (200, {"success": True})
    assert b"seeds_ordered" not in whole(collector)
    assert collector.ingest.counters.events == {("web", "rejected"): 3, ("web", "unplanned"): 0}
    assert collector.ingest.counters.violations == {("web", "opted_out"): 3}


def consent(**preferences: bool) -> dict[str, Any]:
    return {"consent": {"categoryPreferences": preferences}}


@pytest.mark.parametrize("planned", [False, True])
async def test_events_without_consent_are_not_kept(
    start_collector: StartCollector, garden: Release, planned: bool
) -> None:
    """An event that denies a required category is rejected and leaves no trace; those beside it are stored."""
    policy = SourcePolicy(privacy=Privacy(consent=("Analytics",)))
    collector = await start_collector(garden if planned else None, policy=policy)
    batch = [
        event(1, context=consent(Analytics=False), userId="who-said-no"),
        event(2, context=consent(Analytics=True, Advertising=False)),
        event(3),
    ]
    accept = "application/vnd.trackway.v1+json"
    status, answer = await collector.post("/v1/batch", {"batch": batch}, Accept=accept)
    assert status == 200
    assert [(r["index"], r["messageId"], r["code"]) for r in answer["rejected"]] == [(0, "m-1", "no_consent")]
    assert b"who-said-no" not in whole(collector)
    ((_, kept),) = collector.spooled()
    assert [e and e["messageId"] for e in msgspec.json.decode(kept)["batch"]] == [None, "m-2", "m-3"]


async def test_silence_may_be_no_consent(start_collector: StartCollector) -> None:
    """With `consent_unless_denied = false` only events that say yes are kept; the batch's context speaks for all."""
    policy = SourcePolicy(privacy=Privacy(consent=("Analytics",), consent_unless_denied=False))
    collector = await start_collector(policy=policy)
    await collector.post("/v1/batch", {"batch": [event(1), event(2, context=consent(Analytics=True))]})
    await collector.post("/v1/batch", {"batch": [event(3)], "context": consent(Analytics=True)})
    bodies = [msgspec.json.decode(kept)["batch"] for _, kept in collector.spooled()]
    assert [[e and e["messageId"] for e in batch] for batch in bodies] == [[None, "m-2"], ["m-3"]]


async def test_the_cookie_keeps_the_id_of_the_first_event(start_collector: StartCollector) -> None:
    """The first answer sets the cookie to the event's anonymous id; later ones set the same again."""
    policy = SourcePolicy(privacy=Privacy(cookie=Cookie("ajs_anonymous_id", "shop.example")))
    collector = await start_collector(policy=policy)
    headers = {"Authorization": "Basic d2ViLWtleTo=", **BROWSER}
    own = event(userId=None, anonymousId="anon/ 1")
    async with collector.client.post("/v1/track", json=own, headers=headers) as answer:
        assert answer.status == 200
        assert "ajs_anonymous_id=anon%2F%201" not in answer.headers["Set-Cookie"]  # a space is no id's
        value = answer.cookies["ajs_anonymous_id"].value
        assert answer.cookies["ajs_anonymous_id"]["domain"] == "shop.example"
        assert answer.cookies["ajs_anonymous_id"]["max-age"] == str(395 * 86_400)
    again = headers | {"Cookie": f"ajs_anonymous_id={value}"}
    async with collector.client.post("/v1/track", json=event(userId=None), headers=again) as answer:
        assert answer.cookies["ajs_anonymous_id"].value == value
    assert [record.client and record.client.anonymous_id for record, _ in collector.spooled()] == [value, value]


async def test_nobody_elses_cookie_is_set_by_a_server(start_collector: StartCollector) -> None:
    """A server's request gets no cookie."""
    collector = await start_collector(policy=SourcePolicy(privacy=Privacy(cookie=Cookie("tw"))))
    headers = {"Authorization": "Basic d2ViLWtleTo="}
    async with collector.client.post("/v1/track", json=event(), headers=headers) as answer:
        assert not answer.cookies


async def test_the_kind_of_a_source_decides(start_collector: StartCollector) -> None:
    """A source of kind `client` is one for apps that send no browser's headers; `server` overrules headers."""
    app = await start_collector(policy=SourcePolicy(kind="client", privacy=Privacy(ip="keep")))
    await asyncio.gather(*(app.post("/v1/track", event(n), **{"User-Agent": "okhttp/4"}) for n in range(3)))
    assert {record.client and record.client.ip for record, _ in app.spooled()} == {"127.0.0.1"}
