"""What may be known of the people whose events a source sends: `[sources.NAME.privacy]` of trackway.toml."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from trackway_collector.ingest.rules.tables import Table

AddressRule = Literal["as_sent", "keep", "truncate", "hash", "remove"]
Kind = Literal["", "client", "server"]
OptOutRule = Literal["minimise", "reject", "ignore"]


class Cookie(Table, frozen=True):
    """A first-party cookie that carries the anonymous id; no cookie without a name."""

    name: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]*$")] = ""
    """`ajs_anonymous_id` is where Segment's browser client keeps its id: set by the server it lives its full time."""
    domain: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9.-]*$")] = ""
    """`example.com` for all of its subdomains; empty: only the collector's own host."""
    max_age_days: Annotated[int, msgspec.Meta(ge=1, le=400)] = 395
    """Browsers cut anything beyond 400 days."""


class Privacy(Table, frozen=True):
    """What may be kept of the device behind a request, and whose events."""

    ip: AddressRule = "as_sent"
    """
    `as_sent`: a `context.ip` that the client wrote is kept, the connection's address is not. `keep`: that, too, where
    a person's own device sent the event. `truncate`: both, cut to /24 or /48. `hash`: both, as a keyed hash.
    `remove`: neither.
    """
    opt_out: OptOutRule = "minimise"
    """
    What Global Privacy Control or Do Not Track does. `minimise`: no address, no place finer than the country, no
    cookie, no click id. `reject`: the events are refused for good. `ignore`: nothing.
    """
    consent: tuple[str, ...] = ()
    """Categories of `context.consent.categoryPreferences`; events that say `false` for one of them are rejected."""
    consent_unless_denied: bool = True
    """Whether events that say nothing about a category are taken."""
    cookie: Cookie = Cookie()
