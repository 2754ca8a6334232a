"""Columns from the request itself, where the person's own device sent it; and from the page's address."""

from __future__ import annotations

from collections.abc import Mapping

from trackway_collector.enrich.known import Known
from trackway_collector.enrich.urls import split_url


def client(known: Known) -> Mapping[str, str]:
    """The user agent, language and address of the device that sent the event, and where that address is."""
    sender = known.client
    if sender is None:
        return {}
    return {
        "user_agent": sender.user_agent,
        "locale": sender.locale,
        "ip": sender.ip,
        # A Referer header names the page that sent the event, not the page that led there.
        "page_url": sender.referrer if sender.referrer.startswith(("https://", "http://")) else "",
    }


def place(known: Known) -> Mapping[str, str]:
    """Country, region and city: as the client says in `context.location`, else by its address; never a mix of both."""
    said = {name: value for name in ("country", "region", "city") if type(value := _said(known, name)) is str and value}
    if said:
        return said
    sender = known.client
    return {} if sender is None else {"country": sender.country, "region": sender.region, "city": sender.city}


def page(known: Known) -> Mapping[str, str]:
    """The path and the query of the page, where the client sent its whole address only."""
    url = split_url(known.text("page_url"))
    if known.client is not None and known.client.referrer == known.text("page_url"):
        return {"page_search": f"?{url.query}" if url.query else ""}  # browsers often cut the path off this header
    return {"page_path": url.path, "page_search": f"?{url.query}" if url.query else ""}


def _said(known: Known, name: str) -> object:
    return known.section("location").get(name)
