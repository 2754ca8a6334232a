"""
A request, reduced to what tells circumstances, and the `context` made of it.

Everything here was written by a stranger: bad UTF-8, headers of any size, addresses that are none. Nothing raises, and
what comes out is bounded. The body of a request is not in here and is never read.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, quote_from_bytes, unquote, unquote_plus, urlsplit

from trackway.integrations._address import IpPolicy, client_address, shown

MAX_URL = 2048
MAX_TEXT = 512
MAX_VALUE = 256
"""Characters of a campaign's or a click id's value."""
MAX_PARAMETERS = 100
MAX_DEPTH = 3
"""So many URLs within URLs are looked into; what hides deeper is hidden as a whole."""
HIDDEN = "***"

HIDDEN_WORDS = frozenset(
    {
        *("apikey", "assertion", "auth", "bearer", "code", "cookie", "credential", "credentials", "email", "hash"),
        *("hmac", "jwt", "key", "login", "mail", "nonce", "oauth", "otp", "pass", "passcode", "passphrase", "passwd"),
        *("password", "phone", "pin", "pwd", "saml", "samlresponse", "secret", "session", "sessionid", "sid", "sig"),
        *("signature", "sso", "ssn", "state", "ticket", "token", "user", "username", "verifier"),
    }
)
"""A parameter with one of these among the words of its name keeps its name and loses its value."""
HIDDEN_PARTS = (
    *("accesskey", "apikey", "authkey", "authoriz", "credential", "csrf", "email", "passw", "privatekey", "secret"),
    *("sessid", "sessionid", "signature", "token", "xsrf"),
)
"""The same, wherever they stand in a name."""
CAMPAIGN = {
    "utm_source": "source",
    "utm_medium": "medium",
    "utm_campaign": "name",
    "utm_term": "term",
    "utm_content": "content",
    "utm_id": "id",
}
"""UTM parameters, and what Segment calls them in `context.campaign`."""
CLICK_IDS = frozenset(
    {
        *("gclid", "gbraid", "wbraid", "dclid", "gad_source"),  # Google
        *("fbclid", "msclkid", "ttclid", "twclid", "li_fat_id"),  # Meta, Microsoft, TikTok, X, LinkedIn
        *("rdt_cid", "epik", "ScCid", "qclid"),  # Reddit, Pinterest, Snapchat, Quora
        *("yclid", "sznclid", "irclickid"),  # Yandex, Seznam, Impact
    }
)
"""Parameters by which an advertising network recognises its click; they go into `context.clickIds`."""

# A capital begins a word, in the way of resetToken; so do digits' neighbours and signs.
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
# An address with @, the beginning of every JSON Web Token, and a header's worth of token, whatever the parameter is
# called.
_TELLING = re.compile(r"[^@\s]@[^@\s]+\.|\beyJ[A-Za-z0-9_-]{10}|\b[Bb]earer\s+[A-Za-z0-9+/._~-]{16}")
# In a path a version, `tea@4.17`, is no address.
_TELLING_SEGMENT = re.compile(r"[^@\s]@[^@\s]+\.[A-Za-z]{2}|\beyJ[A-Za-z0-9_-]{10}")
_HOST = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::\d{1,5})?")
_LANGUAGE = re.compile(r"\s*([A-Za-z]{2,3}(?:-[A-Za-z0-9]{1,8}){0,4})\s*(?:;\s*q\s*=\s*([01](?:\.\d{0,3})?)\s*)?")
_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?")
_SEPARATOR = re.compile(r"[?&;#]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")


@dataclass(frozen=True, slots=True)
class Request:
    """What a framework knows about a request, before anything is made of it."""

    scheme: str
    server: str
    """Host and port that the server goes by, for requests without `Host`; may be empty."""
    path: bytes
    """Decoded, as bytes: it need not be UTF-8."""
    query: bytes
    """As it was sent, without `?`."""
    peer: str | None
    header: Callable[[str], str]
    """
    A header's value by its name in lower case, its bytes decoded as Latin-1, several joined by commas; empty if it was
    not sent.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What may go into a context."""

    trusted_proxies: int = 0
    proxy_header: str = "x-forwarded-for"
    ip: IpPolicy = "full"
    hidden_words: frozenset[str] = HIDDEN_WORDS


def context_of(request: Request, rules: Rules) -> dict[str, object]:
    """Return the context of what happens in a request; what is not known is not in it."""
    query = request.query[: 4 * MAX_URL].decode("latin-1")
    parameters = _parameters(query)
    context: dict[str, object] = {
        "page": _page(request, query, rules),
        "ip": _ip(request, rules),
        "userAgent": _text(request.header("user-agent"), MAX_TEXT),
        "locale": locale_of(request.header("accept-language")),
        "campaign": {CAMPAIGN[name]: value for name, value in parameters.items() if name in CAMPAIGN},
        "clickIds": {name: value for name, value in parameters.items() if name in CLICK_IDS},
        "traceId": _trace_id(request.header("traceparent")),
    }
    return {name: value for name, value in context.items() if value}


def locale_of(accept_language: str) -> str | None:
    """Return the language that is wanted most, `de-AT`; None if none is named."""
    best: tuple[float, str] | None = None
    for part in accept_language[:MAX_TEXT].split(","):
        match = _LANGUAGE.fullmatch(part)
        if match is not None:
            weight = float(match[2] or 1)
            if weight > 0 and (best is None or weight > best[0]):
                best = weight, match[1]
    return best[1] if best else None


def clean_query(query: str, hidden_words: frozenset[str]) -> str:
    """
    Return a query, given as Latin-1, in ASCII with the values of telling parameters hidden; what is beyond the limits
    is cut off.
    """
    kept: list[str] = []
    room = MAX_URL // 2
    for part in query.split("&", MAX_PARAMETERS)[:MAX_PARAMETERS]:
        name, equals, value = part.partition("=")
        if equals and value and _is_telling(unquote_plus(name), unquote_plus(value), hidden_words):
            part = f"{name}={HIDDEN}"
        elif not equals and hidden_words and _TELLING.search(unquote_plus(name)):
            part = HIDDEN
        part = quote(part, safe="%!$'()*+,;:=@/?-._~[]", encoding="latin-1")
        room -= len(part) + 1
        if room < 0:
            break
        kept.append(part)
    return "&".join(kept)


def clean_path(path: str, hidden_words: frozenset[str]) -> str:
    """
    Return a quoted path with those segments hidden that are an e-mail address or a web token, and the values of telling
    parameters as in `/basket;jsessionid=…`. Other secrets of a path cannot be told from its names.
    """
    if not hidden_words:  # all may be sent
        return path
    return "/".join([_clean_segment(segment, hidden_words) for segment in path.split("/")])


def _clean_segment(segment: str, hidden_words: frozenset[str]) -> str:
    plain = unquote(segment) if "%" in segment else segment
    if _TELLING_SEGMENT.search(plain):
        return HIDDEN
    if ";" not in segment:
        return segment
    name, *parameters = segment.split(";", MAX_PARAMETERS)
    return ";".join([name, *(_clean_parameter(parameter, hidden_words) for parameter in parameters)])


def _clean_parameter(parameter: str, hidden_words: frozenset[str]) -> str:
    name, equals, value = parameter.partition("=")
    telling = value and _is_telling(unquote(name), unquote(value), hidden_words)
    return f"{name}{equals}{HIDDEN}" if telling else parameter


def clean_url(url: str, hidden_words: frozenset[str]) -> str | None:
    """Return a URL, given as Latin-1, without user, password and fragment, its query cleaned; None if it is none."""
    try:
        parts = urlsplit(_CONTROL.sub("", url[: 4 * MAX_URL].strip()))
    except ValueError:
        return None
    host = parts.netloc.rpartition("@")[2]
    if parts.scheme not in ("http", "https", "android-app") or "\\" in parts.netloc or not _HOST.fullmatch(host):
        return None
    path = clean_path(quote(parts.path, safe="%!$&'()*+,;:=@/-._~[]", encoding="latin-1"), hidden_words)
    return _url(parts.scheme, host, path, clean_query(parts.query, hidden_words))


def _page(request: Request, query: str, rules: Rules) -> dict[str, str]:
    host = request.header("host").strip()
    if not (len(host) <= MAX_VALUE and _HOST.fullmatch(host)):
        host = request.server
    path = quote_from_bytes(request.path[:MAX_URL], safe="!$&'()*+,;:=@/-._~")[:MAX_URL]
    path = clean_path(path, rules.hidden_words)
    search = clean_query(query, rules.hidden_words)
    page = {
        "url": _url(request.scheme, host, path, search) if host else None,
        "path": path,
        "search": f"?{search}" if search else None,
        "referrer": clean_url(request.header("referer"), rules.hidden_words),
    }
    return {name: value for name, value in page.items() if value}


def _url(scheme: str, host: str, path: str, search: str) -> str:
    return f"{scheme}://{host}{path}{'?' if search else ''}{search}"[:MAX_URL]


def _ip(request: Request, rules: Rules) -> str | None:
    forwarded = request.header(rules.proxy_header) if rules.trusted_proxies else ""
    rfc7239 = rules.proxy_header == "forwarded"
    return shown(client_address(request.peer, forwarded, rules.trusted_proxies, rfc7239=rfc7239), rules.ip)


def _parameters(query: str) -> dict[str, str]:
    """Return the first value of each parameter that tells where a visit came from."""
    found: dict[str, str] = {}
    for part in query.split("&", MAX_PARAMETERS)[:MAX_PARAMETERS]:
        name, _, value = part.partition("=")
        if name in CAMPAIGN or name in CLICK_IDS:
            text = _text(unquote_plus(utf8(value), errors="replace"), MAX_VALUE)
            # An address in a campaign is a newsletter's recipient.
            if text and not _TELLING.search(text):
                found.setdefault(name, text)
    return found


def _is_telling(name: str, value: str, hidden_words: frozenset[str], depth: int = 0) -> bool:
    if not hidden_words:  # all may be sent
        return False
    low = name.lower()
    if name not in CAMPAIGN and name not in CLICK_IDS:
        if low in hidden_words or any(word.lower() in hidden_words for word in _WORD.findall(name)):
            return True
        if any(part in low for part in HIDDEN_PARTS):
            return True
    return _TELLING.search(value) is not None or _holds_telling(value, hidden_words, depth)


def _holds_telling(value: str, hidden_words: frozenset[str], depth: int) -> bool:
    """Return whether a value has parameters of its own that are telling, as `next=/login?token=…` has."""
    if "=" not in value:
        return False
    if depth == MAX_DEPTH:
        return True
    parts = (part.partition("=") for part in _SEPARATOR.split(value, MAX_PARAMETERS)[:MAX_PARAMETERS])
    return any(
        inner and _is_telling(unquote_plus(name), unquote_plus(inner), hidden_words, depth + 1)
        for name, _, inner in parts
    )


def _trace_id(traceparent: str) -> str | None:
    """Return the trace that OpenTelemetry is in, if the program uses it; else the one that the request came with."""
    telemetry: Any = sys.modules.get("opentelemetry.trace")
    if telemetry is not None:
        try:
            span = telemetry.get_current_span().get_span_context()
            if span.is_valid:
                return f"{span.trace_id:032x}"
        except Exception:  # noqa: S110 - half imported, or of another kind than is known here
            pass
    match = _TRACEPARENT.fullmatch(traceparent.strip()[:MAX_TEXT])
    return match[1] if match else None


def _text(value: str, length: int) -> str:
    return _CONTROL.sub(" ", utf8(value)[:length]).strip()


def utf8(header: str) -> str:
    """Return as UTF-8 what was decoded as Latin-1, as servers do with headers, which mostly are UTF-8."""
    return header.encode("latin-1", "replace").decode("utf-8", "replace")
