"""How the person came to the page: campaign parameters, click ids, the referrer, and the channel they make."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trackway_collector.enrich.channels import DIRECT, NONE, NOT_SET, ChannelRules, Traffic, default_rules
from trackway_collector.enrich.data_files import data_file
from trackway_collector.enrich.known import Known, Step
from trackway_collector.enrich.sites import known_sites
from trackway_collector.enrich.urls import MAX_URL_CHARS, parameters, same_site, split_url

_UTM = {
    "campaign_source": "utm_source",
    "campaign_medium": "utm_medium",
    "campaign_name": "utm_campaign",
    "campaign_term": "utm_term",
    "campaign_content": "utm_content",
}


def campaign(known: Known) -> Mapping[str, str]:
    """The UTM parameters of the page's address."""
    sent = _parameters(known)
    return {column: sent.get(name, "") for column, name in _UTM.items()}


def click_id(known: Known) -> Mapping[str, str]:
    """The first click id that ad platforms may have added to the page's address; its kind only after an opt-out."""
    sent = _parameters(known)
    for kind in data_file("click_ids.yaml"):
        if kind in sent:
            opted_out = known.client is not None and known.client.opted_out
            return {"click_id_kind": kind, "click_id": "" if opted_out else sent[kind]}
    return {}


def referrer_and_channel(rules: ChannelRules | None = None) -> Step:
    """Return the step that names the site behind the referrer, and the channel by these rules."""
    by_rules = rules or default_rules()

    def referrer_and_channel(known: Known) -> Mapping[str, str]:
        """The known site that the person came from, and the channel; neither for a step inside one's own site."""
        page, referrer = split_url(known.text("page_url")).host, split_url(known.text("page_referrer")).host
        internal = bool(referrer) and (by_rules.is_internal(referrer) or (bool(page) and same_site(page, referrer)))
        site = known_sites().of_host(referrer) if referrer and not internal else None
        traffic = traffic_of(known, "" if internal else referrer)
        nothing_led_here = traffic.source == DIRECT and (internal or not page)
        return {
            "referrer_name": site.name if site is not None else "",
            "channel": "" if nothing_led_here else by_rules.channel(traffic),
        }

    return referrer_and_channel


def traffic_of(known: Known, referrer: str) -> Traffic:
    """Return the source and medium: by the campaign, else by the click id, else by the referrer's host."""
    name, kind = known.text("campaign_name"), known.text("click_id_kind")
    source, medium = known.text("campaign_source"), known.text("campaign_medium")
    if not source and not medium:
        implied: Mapping[str, Any] = data_file("click_ids.yaml").get(kind, {})
        source, medium = implied.get("source", ""), implied.get("medium", "")
    if source or medium or name:
        return Traffic(source or NOT_SET, medium or NOT_SET, name, kind, referrer)
    if not referrer:
        return Traffic(DIRECT, NONE, name, kind)
    site = known_sites().of_host(referrer)
    by_search = site is not None and site.kind == "search"
    return Traffic(referrer, "organic" if by_search else "referral", name, kind, referrer)


def _parameters(known: Known) -> Mapping[str, str]:
    query = known.text("page_search") or split_url(known.text("page_url")).query
    return parameters(query) if "=" in query and len(query) <= MAX_URL_CHARS else {}
