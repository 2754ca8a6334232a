"""What every integration is given: where ids come from, what may be sent of a request; and the scope that follows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypedDict, TypeVar, get_args
from urllib.parse import unquote

from trackway._errors import ConfigurationError
from trackway._events.scope import NO_CONSENT, Id, report, scope
from trackway.integrations._address import IpPolicy
from trackway.integrations._request import HIDDEN_WORDS, Request, Rules, context_of, utf8

MAX_ID = 200
"""Characters; an id from outside that is longer is none."""
MAX_COOKIES = 16_384

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Cookie:
    """An id that a cookie holds: percent-decoded, without quotes, as browser SDKs write it."""

    name: str

    def read(self, request: Request) -> str | None:
        """Return the id; None if the cookie is not there, is empty, or holds what no id can be."""
        for part in request.header("cookie")[:MAX_COOKIES].split(";"):
            name, _, value = part.partition("=")
            if name.strip() == self.name:
                return _id(unquote(utf8(value).strip().strip('"')).strip('"'))
        return None


@dataclass(frozen=True, slots=True)
class Header:
    """
    An id that a header holds. Anyone can send any header: for `user_id`, name one that your gateway sets and takes
    away from requests that come with it.
    """

    name: str

    def read(self, request: Request) -> str | None:
        """Return the id; None if the header is not there, is empty, or holds what no id can be."""
        return _id(utf8(request.header(self.name.lower())))


class Settings(TypedDict, Generic[R], total=False):
    """
    What the middleware of every framework takes; `R` is the framework's own request, which functions are given.

    An id that is not configured, or not in a request, is not bound: no person is ever made up. Events of a request
    without any id need one in the call; else they are dropped, counted as `no_person` and logged.
    """

    user_id: Cookie | Header | Callable[[R], Id | None] | None
    """Who is logged in. A function is asked when an event is tracked, so it may rest on what runs after it."""
    anonymous_id: Cookie | Header | Callable[[R], Id | None] | None
    """Whose browser it is."""
    session_id: Cookie | Header | Callable[[R], Id | None] | None
    """Which visit it is."""
    consent: Callable[[R], Mapping[str, bool]] | None
    """
    What the person agrees to, by category, `*` for all others; asked at the start of every request. A function that
    fails, or returns what is no mapping, is taken as a no to everything; None leaves it to `tracker.consent` and
    `consent_default`.
    """
    trusted_proxies: int
    """How many proxies of your own each request passes; they say who the client is. 0, the default, asks the peer."""
    proxy_header: str
    """The header they say it in: `X-Forwarded-For` (default), `Forwarded`, or another of one address."""
    ip: IpPolicy
    """`full` (default), `truncated` (IPv4 to /24, IPv6 to /48) or `none`."""
    hidden_parameters: Iterable[str] | None
    """Words of the names of query parameters whose values are hidden, in place of the default ones; `()` hides none."""


class Binding(Generic[R]):
    """Opens a scope for each request, by one program's settings."""

    def __init__(self, settings: Settings[R]) -> None:
        """
        Check the settings.

        Raises:
            ConfigurationError: one of them is unknown or wrong.
        """
        _check(settings)
        words = settings.get("hidden_parameters")
        self._rules = Rules(
            trusted_proxies=settings.get("trusted_proxies", 0),
            proxy_header=settings.get("proxy_header", "X-Forwarded-For").lower(),
            ip=settings.get("ip", "full"),
            hidden_words=HIDDEN_WORDS if words is None else frozenset(word.lower() for word in words),
        )
        self._user_id = settings.get("user_id")
        self._anonymous_id = settings.get("anonymous_id")
        self._session_id = settings.get("session_id")
        self._consent = settings.get("consent")

    def scope(self, request: Request, native: R) -> scope:
        """Return the scope of a request, not entered yet; what is in it is worked out when an event is tracked."""
        consent = None
        if self._consent is not None:
            try:
                consent = self._consent(native)
            except Exception as error:
                report(f"`consent` failed ({type(error).__name__}); that is taken as a no to everything.")
                consent = NO_CONSENT
        return scope(
            user_id=_late(self._user_id, request, native),
            anonymous_id=_late(self._anonymous_id, request, native),
            session_id=_late(self._session_id, request, native),
            context=partial(context_of, request, self._rules),
            consent=consent,
        )


def _late(source: Cookie | Header | Callable[[R], Id | None] | None, request: Request, native: R) -> Any:
    if source is None:
        return None
    if isinstance(source, Cookie | Header):
        return partial(source.read, request)
    return partial(source, native)


def _id(text: str) -> str | None:
    text = text.strip()
    return text if text and len(text) <= MAX_ID and text.isprintable() else None


def _check(settings: Mapping[str, Any]) -> None:
    for name in settings:
        if name not in Settings.__annotations__:
            msg = f"`{name}` is not a setting of this middleware. Known: {', '.join(Settings.__annotations__)}."
            raise ConfigurationError(msg)
    for name in ("user_id", "anonymous_id", "session_id"):
        source = settings.get(name)
        if source is not None and not isinstance(source, Cookie | Header) and not callable(source):
            msg = (
                f"`{name}` is a {type(source).__name__}. Write where the id comes from: "
                'Cookie("visit"), Header("X-User") or a function of the request.'
            )
            raise ConfigurationError(msg)
    if settings.get("consent") is not None and not callable(settings["consent"]):
        msg = "`consent` is no function. Write one that is given the request and returns {category: True or False}."
        raise ConfigurationError(msg)
    count = settings.get("trusted_proxies", 0)
    if not isinstance(count, int) or isinstance(count, bool) or not 0 <= count <= 16:
        msg = f"`trusted_proxies` is {count!r}. Write how many proxies of your own each request passes, 0 to 16."
        raise ConfigurationError(msg)
    if not isinstance(settings.get("proxy_header", ""), str):
        msg = f"`proxy_header` is {settings['proxy_header']!r}. Write the name of a header, such as X-Forwarded-For."
        raise ConfigurationError(msg)
    if settings.get("ip", "full") not in get_args(IpPolicy):
        msg = f"`ip` is {settings['ip']!r}: known policies: {', '.join(get_args(IpPolicy))}."
        raise ConfigurationError(msg)
    words = settings.get("hidden_parameters")
    if words is not None and (isinstance(words, str) or not all(isinstance(word, str) for word in words)):
        msg = '`hidden_parameters` is no list of words. Write {"token", "password"}, or HIDDEN_WORDS | {"iban"}.'
        raise ConfigurationError(msg)
