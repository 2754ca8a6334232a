"""A request becomes a context: exact values where there are some, nothing where there are none, whatever is sent."""

from __future__ import annotations

import ipaddress
import json
import sys
import types
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackway.integrations._address import client_address, shown
from trackway.integrations._binding import Cookie, Header
from trackway.integrations._request import (
    HIDDEN_WORDS,
    MAX_URL,
    Request,
    Rules,
    clean_query,
    clean_url,
    context_of,
    locale_of,
)

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def request(**given: Any) -> Request:
    """A request for the basket; headers by keyword, with _ for -."""
    known: dict[str, Any] = {
        "scheme": "https",
        "server": "10.0.0.5:8000",
        "path": b"/basket",
        "query": b"",
        "peer": "203.0.113.9",
    }
    parts = {name: given.pop(name, default) for name, default in known.items()}
    headers = {name.replace("_", "-"): value for name, value in given.items()}
    return Request(**parts, header=lambda name: headers.get(name, ""))


def test_a_visit_from_an_advertisement() -> None:
    """Everything that a request tells is in its place, by Segment's names."""
    context = context_of(
        request(
            query=b"utm_source=news&utm_medium=email&utm_campaign=spring+tea&utm_term=oolong&utm_content=a&gclid=Cj0K&p=2",
            host="tea.example.com",
            referer="https://search.example.com/?q=tea",
            user_agent="Mozilla/5.0 (X11; Linux x86_64)",
            accept_language="en;q=0.5, de-AT, de;q=0.9",
            traceparent=f"00-{TRACE}-00f067aa0ba902b7-01",
        ),
        Rules(),
    )
    search = "?utm_source=news&utm_medium=email&utm_campaign=spring+tea&utm_term=oolong&utm_content=a&gclid=Cj0K&p=2"
    assert context == {
        "page": {
            "url": f"https://tea.example.com/basket{search}",
            "path": "/basket",
            "search": search,
            "referrer": "https://search.example.com/?q=tea",
        },
        "ip": "203.0.113.9",
        "userAgent": "Mozilla/5.0 (X11; Linux x86_64)",
        "locale": "de-AT",
        "campaign": {"source": "news", "medium": "email", "name": "spring tea", "term": "oolong", "content": "a"},
        "clickIds": {"gclid": "Cj0K"},
        "traceId": TRACE,
    }


def test_what_is_not_known_is_not_there() -> None:
    """A request without headers from a Unix socket has a path and nothing that would be empty."""
    assert context_of(request(peer=None, server=""), Rules()) == {"page": {"path": "/basket"}}


@pytest.mark.parametrize(
    ("query", "cleaned"),
    [
        ("q=tea&page=2", "q=tea&page=2"),
        ("token=s3cret&q=tea", "token=***&q=tea"),
        (
            "reset_token=a&accessToken=b&API-KEY=c&X-Amz-Signature=d",
            "reset_token=***&accessToken=***&API-KEY=***&X-Amz-Signature=***",
        ),
        ("code=4%2FabC&state=xyz", "code=***&state=***"),
        ("keyword=tea&monkey=1&design=2&country_code=AT", "keyword=tea&monkey=1&design=2&country_code=***"),
        ("to%6ben=a", "to%6ben=***"),
        ("ref=ana%40example.com&x=eyJhbGciOiJIUzI1NiJ9.e30.x", "ref=***&x=***"),
        ("ana@example.com", "***"),
        ("utm_source=ana@example.com", "utm_source=***"),
        ("utm_content=code", "utm_content=code"),
        ("token=&password", "token=&password"),
        ("a=1;token=2", "a=***"),
        ("next=%2Flogin%3Ftoken%3Dabc&p=2", "next=***&p=2"),
        ("next=%2Fbasket%3Fp%3D2", "next=%2Fbasket%3Fp%3D2"),
        ("u=%2Fa%3Fnext%3D%252Fb%253Fcode%253Dabc", "u=***"),
        ("q=gr\xc3\xbcn&x=\xff", "q=gr%C3%BCn&x=%FF"),
        ('q=<script>&b="', "q=%3Cscript%3E&b=%22"),
        ("PHPSESSID=a&jsessionid=b&authorization=c", "PHPSESSID=***&jsessionid=***&authorization=***"),
        ("csrf=a&accesskey=b&privateKey=c&emailaddress=d", "csrf=***&accesskey=***&privateKey=***&emailaddress=***"),
        ("t=Bearer+0123456789abcdef&q=bearer+bonds", "t=***&q=bearer+bonds"),
        ("author=ana&auto=1&phone_case=x", "author=ana&auto=1&phone_case=***"),
    ],
)
def test_secrets_of_a_query_stay_here(query: str, cleaned: str) -> None:
    """A value is hidden by the words of its parameter's name, or because it is an address or a web token itself."""
    assert clean_query(query, HIDDEN_WORDS) == cleaned


def test_which_parameters_are_hidden_is_the_programs_choice() -> None:
    """Other words replace the default ones; no words hide nothing."""
    assert clean_query("iban=AT61&page=2", frozenset({"iban"})) == "iban=***&page=2"
    assert clean_query("token=a&ref=ana@example.com", frozenset()) == "token=a&ref=ana@example.com"


@pytest.mark.parametrize(
    ("path", "cleaned"),
    [
        (b"/leave/ana@example.com", "/leave/***"),
        (b"/login/eyJhbGciOiJIUzI1NiJ9.e30.x", "/login/***"),
        (b"/shop;jsessionid=1A2B", "/shop;jsessionid=***"),
    ],
)
def test_a_path_loses_what_can_be_recognised_as_a_secret(path: bytes, cleaned: str) -> None:
    """An e-mail address, a web token and a session in the path are hidden, unless nothing is to be hidden."""
    page = context_of(request(path=path), Rules())["page"]
    assert page == {"url": f"https://10.0.0.5:8000{cleaned}", "path": cleaned}
    plain = context_of(request(path=path), Rules(hidden_words=frozenset()))["page"]
    assert plain == {"url": f"https://10.0.0.5:8000{path.decode()}", "path": path.decode()}


@pytest.mark.parametrize(
    ("url", "cleaned"),
    [
        ("https://ana:tea@example.com/a?token=1#top", "https://example.com/a?token=***"),
        ("android-app://com.example.news/", "android-app://com.example.news/"),
        ("https://example.com/login/eyJhbGciOiJIUzI1NiJ9.e30.x/go", "https://example.com/login/***/go"),
        ("https://example.com/leave/ana%40example.com", "https://example.com/leave/***"),
        ("https://example.com/shop;jsessionid=1A2B;v=2?p=1", "https://example.com/shop;jsessionid=***;v=2?p=1"),
        ("https://example.com/npm/tea@4.17.21/@ana", "https://example.com/npm/tea@4.17.21/@ana"),
        ("https://[2001:db8::1]:8443/a b", "https://[2001:db8::1]:8443/a%20b"),
        ("javascript:alert(1)", None),
        ("https://[broken", None),
        ("https://example.com\\@evil/", None),
        ("about:blank", None),
        ("", None),
        ("/basket", None),
    ],
)
def test_a_referrer_loses_what_is_nobodys_business(url: str, cleaned: str | None) -> None:
    """User, password, fragment and secrets of the query go; what is no web address is left out."""
    assert clean_url(url, HIDDEN_WORDS) == cleaned


@pytest.mark.parametrize(
    ("forwarded", "proxies", "address"),
    [
        ("", 0, "10.0.0.1"),
        ("198.51.100.7", 0, "10.0.0.1"),
        ("198.51.100.7", 1, "198.51.100.7"),
        ("1.1.1.1, 198.51.100.7", 1, "198.51.100.7"),
        ("1.1.1.1, 198.51.100.7, 10.0.0.2", 2, "198.51.100.7"),
        ("198.51.100.7", 2, "198.51.100.7"),
        ("", 2, "10.0.0.1"),
        ("198.51.100.7:4711", 1, "198.51.100.7"),
        ("[2001:DB8::0:7]:4711", 1, "2001:db8::7"),
        ("2001:db8::7", 1, "2001:db8::7"),
        ("::ffff:198.51.100.7", 1, "198.51.100.7"),
        ("fe80::1%eth0", 1, "fe80::1"),
        ("unknown", 1, None),
        ("1.1.1.1, <script>", 1, None),
        ("1.1.1.1,", 1, "1.1.1.1"),
    ],
)
def test_the_client_behind_proxies(forwarded: str, proxies: int, address: str | None) -> None:
    """The entry that the outermost trusted proxy wrote counts; without trusted proxies only the peer does."""
    assert client_address("10.0.0.1", forwarded, proxies) == address


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        ("for=198.51.100.7", "198.51.100.7"),
        ('by=10.0.0.2; For="[2001:db8::7]:4711" ;proto=https', "2001:db8::7"),
        ("for=1.1.1.1, for=198.51.100.7;host=a", "198.51.100.7"),
        ("for=198.51.100.7, proto=https", None),
        ("for=_hidden", None),
        ("for=unknown", None),
        ('for="198.51.100.7', None),
    ],
)
def test_the_client_by_rfc_7239(forwarded: str, address: str | None) -> None:
    """`Forwarded` is read by its own syntax; an element that names nobody still is the one that was written last."""
    assert client_address("10.0.0.1", forwarded, 1, rfc7239=True) == address


def test_an_endless_chain_is_read_from_its_end() -> None:
    """A client may send a megabyte of addresses; what the trusted proxy appended is found all the same."""
    assert client_address("10.0.0.1", "1.1.1.1, " * 100_000 + "198.51.100.7", 1) == "198.51.100.7"
    assert client_address("10.0.0.1", "9" * 100_000, 1) is None


@given(st.ip_addresses())
def test_a_truncated_address_is_one_of_many(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    """Of IPv4 the last 8 bits go, of IPv6 the last 80; `none` leaves nothing."""
    text = str(address)
    bits = 8 if address.version == 4 else 80
    truncated = shown(text, "truncated")
    assert truncated is not None
    assert int(ipaddress.ip_address(truncated)) == int(address) >> bits << bits
    assert shown(text, "full") == text
    assert shown(text, "none") is None


@pytest.mark.parametrize(
    ("header", "locale"),
    [
        ("de-AT", "de-AT"),
        ("en;q=0.5, de;q=0.9", "de"),
        ("*", None),
        ("de;q=0, en;q=0.1", "en"),
        ("de; q = 0.7 ,en;q=abc", "de"),
        ("zh-Hant-TW,zh;q=0.9", "zh-Hant-TW"),
        ("<script>", None),
        ("", None),
    ],
)
def test_the_language_wanted_most(header: str, locale: str | None) -> None:
    """The highest weight wins, the first of equals; what is no language tag is nothing."""
    assert locale_of(header) == locale


@pytest.mark.parametrize(
    "traceparent",
    [
        "",
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"ff-{TRACE}-00f067aa0ba902b7-01",
        f"00-{TRACE.upper()}-00f067aa0ba902b7-01",
        f"00-{TRACE}-00f067aa0ba902b7",
        "garbage",
    ],
)
def test_a_broken_traceparent_is_none(traceparent: str) -> None:
    """What W3C's recommendation calls invalid is ignored."""
    assert "traceId" not in context_of(request(traceparent=traceparent), Rules())


def test_a_later_version_of_traceparent_is_read() -> None:
    """A version that is not known yet may say more at its end."""
    header = f"01-{TRACE}-00f067aa0ba902b7-01-more"
    assert context_of(request(traceparent=header), Rules())["traceId"] == TRACE


def test_open_telemetry_knows_better() -> None:
    """Inside a span of OpenTelemetry its trace is taken, not the one a client may have made up."""
    from opentelemetry.sdk.trace import TracerProvider

    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("tea")
    header = f"00-{TRACE}-00f067aa0ba902b7-01"
    with tracer.start_as_current_span("basket") as span:
        expected = f"{span.get_span_context().trace_id:032x}"
        assert context_of(request(traceparent=header), Rules())["traceId"] == expected
    assert context_of(request(traceparent=header), Rules())["traceId"] == TRACE


def test_a_broken_open_telemetry_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A module of that name that is another, or half loaded, is passed over."""
    monkeypatch.setitem(sys.modules, "opentelemetry.trace", types.ModuleType("opentelemetry.trace"))
    assert "traceId" not in context_of(request(), Rules())


@pytest.mark.parametrize("host", ["", "tea.example.com/evil", "a b", "x" * 300, "\x00", "user@host", "host:port"])
def test_a_bad_host_is_the_servers_own(host: str) -> None:
    """A `Host` that is missing or is none does not become a URL; what the server goes by does."""
    page = context_of(request(host=host), Rules())["page"]
    assert page == {"url": "https://10.0.0.5:8000/basket", "path": "/basket"}


@pytest.mark.parametrize(
    ("cookies", "found"),
    [
        ("visit=v-3", "v-3"),
        ("a=1; visit=v-3; visit=v-4", "v-3"),
        ("ajs=1;visit=%22v-3%22", "v-3"),
        ('visit="v-3"', "v-3"),
        ("visit=gr%C3%BCn", "grün"),
        ("visit=", None),
        ("visit", None),
        ("xvisit=v-3", None),
        ("visit=" + "v" * 201, None),
        ("visit=%00", None),
        ("", None),
    ],
)
def test_an_id_from_a_cookie(cookies: str, found: str | None) -> None:
    """It is unquoted as browser SDKs quote it; empty, endless and unprintable ones are none."""
    assert Cookie("visit").read(request(cookie=cookies)) == found


def test_an_id_from_a_header() -> None:
    """By any case of its name; absent is none."""
    assert Header("X-Visit").read(request(x_visit=" v-3 ")) == "v-3"
    assert Header("X-Visit").read(request()) is None


HEADERS = [
    *("host", "referer", "user-agent", "accept-language", "traceparent", "cookie"),
    *("x-forwarded-for", "forwarded"),
]
hostile = st.one_of(
    st.binary(max_size=200).map(lambda raw: raw.decode("latin-1")),
    st.text(st.characters(max_codepoint=255), max_size=200),
    st.sampled_from(
        [
            "x" * 70_000,
            *(character * 9_000 for character in "&=%;[,@.?:- 9/#"),
            *(pair * 5_000 for pair in ("a=", "=&", "a@", "@.", "; ", "%4", "=?", "==;", "::", "-a", " ,")),
            'for="' * 2_000,
            "en;q=" + "9" * 5_000,
            "http://[::1",
            "//\x00@:",
            "https://a.b/?" + "token=1&" * 3_000,
            "\xff\xfe",
            "%ff%00%",
            "::ffff:1.2.3.4:5",
        ]
    ),
)


@settings(deadline=None)
@given(
    path=st.binary(max_size=300),
    query=hostile,
    peer=st.one_of(st.none(), hostile),
    headers=st.fixed_dictionaries(dict.fromkeys(HEADERS, hostile)),
    proxies=st.integers(0, 3),
    proxy_header=st.sampled_from(["x-forwarded-for", "forwarded"]),
)
def test_nothing_a_stranger_sends_does_harm(
    path: bytes, query: str, peer: str | None, headers: dict[str, str], proxies: int, proxy_header: str
) -> None:
    """
    Whatever the bytes are: nothing raises, the context is small and is JSON, an address is one, nothing holds control
    characters, and no value of `token` is in it.
    """
    stranger = Request(
        scheme="http",
        server="",
        path=path,
        query=query.encode("latin-1") + b"&token=Zx9Zx9",
        peer=peer,
        header=lambda name: headers.get(name, ""),
    )
    context: dict[str, Any] = context_of(stranger, Rules(trusted_proxies=proxies, proxy_header=proxy_header))
    text = json.dumps(context, ensure_ascii=False)
    assert len(text.encode("utf-8", "strict")) < 16_384
    assert "Zx9Zx9" not in text
    if "ip" in context:
        assert str(ipaddress.ip_address(context["ip"])) == context["ip"]
    page = context.get("page", {})
    assert all(value.isascii() and value.isprintable() and len(value) <= MAX_URL for value in page.values())
    for value in (context.get("userAgent", ""), *context.get("campaign", {}).values()):
        assert not any(character < " " for character in value)
    assert Cookie("visit").read(stranger) is None or len(str(Cookie("visit").read(stranger))) <= 200


@given(st.dictionaries(st.sampled_from(["token", "password", "apiKey", "session_id", "q"]), st.text(max_size=20)))
def test_cleaning_twice_is_cleaning_once(parameters: dict[str, str]) -> None:
    """A cleaned query stays as it is: cleaning leaves nothing to clean, and breaks no encoding."""
    from urllib.parse import urlencode

    once = clean_query(urlencode(parameters), HIDDEN_WORDS)
    assert clean_query(once, HIDDEN_WORDS) == once
