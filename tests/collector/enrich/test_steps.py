"""The enrichment steps, one by one and together."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackway_collector.enrich import Enrichment
from trackway_collector.enrich.bots import bot_of
from trackway_collector.enrich.refresh import missing
from trackway_collector.enrich.sites import known_sites
from trackway_collector.loader.context import ContextColumns
from trackway_collector.spool.record import Client

IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/17.5 Mobile/15E148 Safari/604.1"
)
WINDOWS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0 Safari/537.36"
)
ANDROID = (
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0 Mobile Safari/537.36"
)
PAGE = "https://shop.garden.example/seeds"


def columns(context: dict[str, Any], client: Client | None = None) -> dict[str, Any]:
    """Return the columns that an event's context makes."""
    piece = ContextColumns().piece(msgspec.json.encode(context), client=client)
    found: dict[str, Any] = msgspec.json.decode(b"{" + piece[1:] + b"}")
    return found


def of(context: dict[str, Any], *names: str, client: Client | None = None) -> tuple[Any, ...]:
    """Return some of the columns, None where there is nothing."""
    found = columns(context, client)
    return tuple(found.get(name) for name in names)


def test_the_request_fills_what_the_client_left_out() -> None:
    """User agent, language, address, place and page come from the request of the person's own device."""
    sender = Client("203.0.113.0", IPHONE, "pt", "https://shop.garden.example/", "PT", "Lisboa", "Lisbon")

    assert of({}, "user_agent", "locale", "ip", "page_url", "country", "region", "city", client=sender) == (
        IPHONE, "pt", "203.0.113.0", "https://shop.garden.example/", "PT", "Lisboa", "Lisbon",
    )  # fmt: skip


def test_what_the_client_sent_wins() -> None:
    """A value that the event has is kept; where it names its country, the address adds no city of another one."""
    sender = Client("203.0.113.0", IPHONE, "pt", "https://other.example/", "PT", "Lisboa", "Lisbon")
    context = {
        "userAgent": WINDOWS,
        "locale": "de-DE",
        "ip": "198.51.100.7",
        "page": {"url": PAGE, "path": "/own"},
        "location": {"country": "DE"},
        "os": {"name": "TempleOS"},
    }

    found = columns(context, sender)

    assert found["user_agent"] == WINDOWS
    assert (found["locale"], found["ip"], found["page_url"], found["page_path"]) == (
        "de-DE",
        "198.51.100.7",
        PAGE,
        "/own",
    )
    assert (found["country"], found.get("region"), found.get("city")) == ("DE", None, None)
    assert (found["os_name"], found.get("os_version")) == ("TempleOS", None)
    assert found["browser_name"] == "Chrome"


@pytest.mark.parametrize(
    ("agent", "expected"),
    [
        (IPHONE, ("Mobile Safari", "17", "iOS", "17.5", "mobile", "Apple", "iPhone")),
        (WINDOWS, ("Chrome", "128", "Windows", "10", "desktop", None, None)),
        (ANDROID, ("Chrome Mobile", "128", "Android", "10", "mobile", None, None)),
        (
            "Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/16.6 "
            "Mobile/15E148 Safari/604.1",
            ("Mobile Safari", "16", "iOS", "16.6", "tablet", "Apple", "iPad"),
        ),
        (
            "Mozilla/5.0 (X11; Linux x86_64; rv:129.0) Gecko/20100101 Firefox/129.0",
            ("Firefox", "129", "Linux", None, "desktop", None, None),
        ),
        ("nonsense", (None, None, None, None, None, None, None)),
    ],
)
def test_a_user_agent_tells_browser_system_and_device(agent: str, expected: tuple[str | None, ...]) -> None:
    """Whatever the user agent does not tell stays empty, the made-up model of a reduced user agent included."""
    browser, system = ("browser_name", "browser_version"), ("os_name", "os_version")
    device = ("device_type", "device_manufacturer", "device_model")

    assert of({"userAgent": agent}, *browser, *system, *device) == expected


def test_client_hints_count_more_than_the_user_agent() -> None:
    """`userAgentData` knows Windows 11, the browser behind Chromium, and the phone's model."""
    brands = [
        {"brand": "Not;A=Brand", "version": "24"},
        {"brand": "Chromium", "version": "128"},
        {"brand": "Microsoft Edge", "version": "128"},
    ]
    desktop = {"brands": brands, "mobile": False, "platform": "Windows", "platformVersion": "15.0.0"}
    phone = {
        "brands": [{"brand": "Google Chrome", "version": "128"}],
        "mobile": True,
        "platform": "Android",
        "platformVersion": "14.0.0",
        "model": "Pixel 8",
    }

    names = ("browser_name", "browser_version", "os_name", "os_version", "device_type", "device_model")
    assert of({"userAgent": WINDOWS, "userAgentData": desktop}, *names) == (
        "Edge", "128", "Windows", "11", "desktop", None,
    )  # fmt: skip
    assert of({"userAgent": ANDROID, "userAgentData": phone}, *names) == (
        "Chrome Mobile", "128", "Android", "14.0.0", "mobile", "Pixel 8",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "Googlebot"),
        ("Mozilla/5.0 (compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)", "UptimeRobot"),
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 HeadlessChrome/120.0.0.0 Safari/537.36", "HeadlessChrome"),
        ("Mozilla/5.0 AppleWebKit/537.36 (compatible; GPTBot/1.2; +https://openai.com/gptbot)", "GPTBot"),
        ("curl/8.5.0", "curl"),
        (IPHONE, None),
        (WINDOWS, None),
    ],
)  # fmt: skip
def test_bots_are_named(agent: str, name: str | None) -> None:
    """Crawlers, monitors and headless browsers are flagged by name; people are not."""
    assert of({}, "bot", client=Client(user_agent=agent)) == (name,)


def test_a_servers_library_is_no_bot() -> None:
    """A server that passes its own user agent on, and an app whose system has one, are no crawlers."""
    assert of({"userAgent": "python-requests/2.32"}, "bot") == (None,)
    assert of({"app": {"name": "Garden"}}, "bot", client=Client(user_agent="okhttp/4.12.0")) == (None,)
    assert of({}, "bot", client=Client(user_agent="okhttp/4.12.0")) == ("okhttp",)
    assert of({"userAgent": "Mozilla/5.0 (compatible; bingbot/2.0)"}, "bot") == ("bingbot",)


def test_names_of_bots_are_few() -> None:
    """A pattern that matches text of any length gives the pattern's own name, not the text."""
    agent = "Mozilla/5.0 ContextualBot " + "x" * 200 + " outcomes.net"

    assert bot_of(agent)[0] == "ContextualBot"


@pytest.mark.parametrize(
    ("page", "referrer", "channel", "name"),
    [
        (PAGE, "https://www.google.co.uk/", "Organic Search", "Google"),
        (PAGE, "https://www.bing.com/search?q=seeds", "Organic Search", "Bing"),
        (PAGE, "https://l.facebook.com/l.php?u=x", "Organic Social", "Facebook"),
        (PAGE, "https://t.co/abc", "Organic Social", "Twitter"),
        (PAGE, "https://www.youtube.com/watch?v=1", "Organic Video", "YouTube"),
        (PAGE, "https://chatgpt.com/", "AI Assistants", "ChatGPT"),
        (PAGE, "https://gemini.google.com/app", "AI Assistants", "Gemini"),
        (PAGE, "https://mail.google.com/", "Referral", None),
        (PAGE, "https://blog.example/post", "Referral", None),
        (PAGE, "https://www.garden.example/", None, None),
        (PAGE, "", "Direct", None),
        ("", "", None, None),
        (PAGE + "?gclid=G-1", "https://www.google.com/", "Paid Search", "Google"),
        (PAGE + "?fbclid=F-1", "", "Organic Social", None),
        (PAGE + "?utm_source=brevo&utm_medium=email", "", "Email", None),
        (PAGE + "?utm_source=google&utm_medium=cpc&utm_campaign=x", "https://www.garden.example/", "Paid Search", None),
        (PAGE + "?utm_source=chatgpt.com", "", "AI Assistants", None),
        ("https://a.example.co.uk/", "https://b.example.co.uk/", None, None),
        ("https://a.example.co.uk/", "https://other.co.uk/", "Referral", None),
        (PAGE, "android-app://com.google.android.googlequicksearchbox/", "Organic Search", "Google"),
    ],
)
def test_referrer_campaign_and_click_id_make_the_channel(
    page: str, referrer: str, channel: str | None, name: str | None
) -> None:
    """Campaign before click id before referrer; inside one's own site nothing brought the person."""
    context = {"page": {"url": page, "referrer": referrer}}

    assert of(context, "channel", "referrer_name") == (channel, name)


def test_campaign_and_click_id_come_from_the_address() -> None:
    """UTM parameters fill the campaign's columns where the client sent none, and the click id is kept with its kind."""
    query = "?utm_source=google&utm_medium=cpc&utm_campaign=Fr%C3%BChling+26&utm_term=seeds&utm_content=a&msclkid=M-1"
    names = ("campaign_source", "campaign_medium", "campaign_name", "campaign_term", "campaign_content")

    assert of({"page": {"url": PAGE + query}, "campaign": {"name": "own"}}, *names, "click_id_kind", "click_id") == (
        "google", "cpc", "own", "seeds", "a", "msclkid", "M-1",
    )  # fmt: skip
    assert of({"page": {"search": query}}, "campaign_name") == ("Frühling 26",)
    assert of({"page": {"url": PAGE + query}}, "page_path", "page_search") == ("/seeds", query)


def test_the_lists_know_their_own_hosts() -> None:
    """The longest host wins: an assistant under a search engine's domain is an assistant."""
    sites = known_sites()

    assert sites.of_host("gemini.google.com") == ("ai", "Gemini")
    assert sites.of_host("WWW.Google.com.br.") == ("search", "Google")
    assert sites.of_host("docs.google.com") is None
    assert sites.of_host("x.com") == ("social", "Twitter")
    assert sites.of_host("netflix.com") == ("video", "Netflix")
    assert sites.of_host("localhost") is None


def test_refreshing_names_what_is_missing(tmp_path: Any) -> None:
    """Only hosts that no known site covers are to be added; addresses with a path are not hosts."""
    (tmp_path / "SearchEngines.yml").write_text(
        "Google:\n  - urls: [google.com, 'google.{}', google.com/cse]\nNew:\n  - urls: ['{}.new.example', 'new.{}']\n"
    )
    (tmp_path / "Socials.yml").write_text("Facebook: [m.facebook.com]\nFresh: [www.fresh.example]\n")
    (tmp_path / "AIAssistants.yml").write_text("Claude: [claude.ai]\n")

    assert list(missing(tmp_path, known_sites())) == [
        ("search", "New", "new.example"),
        ("search", "New", "new.*"),
        ("social", "Fresh", "fresh.example"),
    ]


_TEXT = st.text(max_size=40) | st.sampled_from(
    ["http://[", "https://a.example:99999/?utm_source=%ff&gclid", "?=&&=", IPHONE, "//x", "android-app://", "a.b.", "."]
)
_NAMES = st.sampled_from(["url", "brand", "version", "name", "source", "referrer", "search"])
_ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=4),
    max_leaves=8,
)
_HINTS = st.fixed_dictionaries(
    {
        "brands": st.lists(_ANY, max_size=3),
        "platform": _TEXT,
        "platformVersion": _TEXT,
        "mobile": _ANY,
        "model": _ANY,
    }
)
_SECTIONS = "page campaign userAgent userAgentData location os device locale ip x"
_CONTEXT = st.dictionaries(
    st.sampled_from(_SECTIONS.split()),
    _ANY | st.fixed_dictionaries({"url": _TEXT, "referrer": _TEXT}) | _HINTS,
)


@given(_CONTEXT, st.none() | st.builds(Client, _TEXT, _TEXT, _TEXT, _TEXT, _TEXT, _TEXT, _TEXT))
def test_enrichment_never_fails_and_never_changes_what_was_sent(context: dict[str, Any], client: Client | None) -> None:
    """Of any context, every column the client sent has its value still, and what is added is text in known columns."""

    class Nothing(Enrichment):
        """Enrichment that finds nothing."""

        def fill(self, columns: dict[str, Any], context: dict[str, Any], sender: Client | None) -> None:
            """Add nothing."""

    encoded = msgspec.json.encode(context)
    enrichment = Enrichment()
    plain = msgspec.json.decode(b"{" + ContextColumns(Nothing()).piece(encoded, client=client)[1:] + b"}")
    full = msgspec.json.decode(b"{" + ContextColumns(enrichment).piece(encoded, client=client)[1:] + b"}")

    assert not enrichment.failed
    assert {name: full.get(name) for name, value in plain.items() if value != ""} == {
        name: value for name, value in plain.items() if value != ""
    }
    assert all(type(full[name]) is str for name in set(full) - set(plain))
