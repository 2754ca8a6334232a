"""
Channel rules: what brought a person, as one of Google Analytics 4's channel groups, AI assistants, or your own.

The rules are data (`data/channels.yaml` says in what form); the first that matches names the channel.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from trackway_collector.enrich.data_files import data_file, read_yaml
from trackway_collector.enrich.sites import KINDS, known_sites
from trackway_collector.enrich.urls import plain_host
from trackway_collector.errors import ConfigError

UNASSIGNED = "Unassigned"
"""The channel of what no rule matches."""
DIRECT = "(direct)"
NONE = "(none)"
NOT_SET = "(not set)"

_REMEMBERED = 16_384
_TEXTS = ("source", "medium", "campaign", "click_id")
_CONDITIONS = (*_TEXTS, "source_kind", "referrer")


class Traffic(NamedTuple):
    """How a person came, in the words of campaign links."""

    source: str = DIRECT
    medium: str = NONE
    campaign: str = ""
    click_id: str = ""
    """The kind of click id in the link: `gclid`, `fbclid` …"""
    referrer: str = ""
    """The host of the page that led here."""

    @property
    def source_kind(self) -> str:
        """search, social, video, shopping or ai; empty when the source is on none of these lists."""
        site = known_sites().of_source(self.source)
        return site.kind if site is not None else ""


Condition = Callable[[Traffic], bool]


@dataclass(frozen=True, slots=True)
class ChannelRules:
    """Rules in their order, and the hosts that are one's own besides the page's."""

    rules: tuple[tuple[str, tuple[tuple[Condition, ...], ...]], ...]
    internal: frozenset[str] = frozenset()
    _known: dict[Traffic, str] = field(default_factory=dict, compare=False, repr=False)

    def channel(self, traffic: Traffic) -> str:
        """Return the channel of the first rule that matches; `Unassigned` when none does."""
        found = self._known.get(traffic)
        if found is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            found = self._known[traffic] = self._matching(traffic)
        return found

    def _matching(self, traffic: Traffic) -> str:
        for channel, alternatives in self.rules:
            for conditions in alternatives:
                if all(condition(traffic) for condition in conditions):
                    return channel
        return UNASSIGNED

    def is_internal(self, host: str) -> bool:
        """Whether a host, or one above it, is named as one's own."""
        return bool(self.internal) and any(host == own or host.endswith("." + own) for own in self.internal)


@cache
def default_rules() -> ChannelRules:
    """Return the rules of this package."""
    return ChannelRules(_compiled(data_file("channels.yaml"), "channels.yaml"))


def channel_of(traffic: Traffic, rules: ChannelRules | None = None) -> str:
    """Return what brought a person; the one place where traffic becomes a channel."""
    return (rules or default_rules()).channel(traffic)


def load_rules(path: Path) -> ChannelRules:
    """
    Return the rules of a file, which come before this package's own.

    Raises:
        ConfigError: the file cannot be read, or says what no rule can say.
    """
    try:
        content = read_yaml(path.read_text("utf-8")) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        message = f"{path}: the channel rules cannot be read: {error}"
        raise ConfigError(message) from error
    if not isinstance(content, dict) or set(content) - {"channels", "internal"}:
        message = f"{path}: is not a file of channel rules.\n  Write `channels:`, a list of rules, and `internal:`."
        raise ConfigError(message)
    internal = content.get("internal") or []
    if not isinstance(internal, list) or not all(isinstance(host, str) for host in internal):
        message = f"{path}: `internal` is not a list of hosts.\n  Write `internal: [checkout.example.net]`."
        raise ConfigError(message)
    return ChannelRules(_compiled(content, str(path)) + default_rules().rules, frozenset(map(plain_host, internal)))


def _compiled(content: Mapping[str, Any], where: str) -> tuple[tuple[str, tuple[tuple[Condition, ...], ...]], ...]:
    rules = content.get("channels") or []
    if not isinstance(rules, list):
        message = f"{where}: `channels` is not a list of rules."
        raise ConfigError(message)
    return tuple(_rule(rule, f"{where}: rule {number}") for number, rule in enumerate(rules, 1))


def _rule(rule: Any, where: str) -> tuple[str, tuple[tuple[Condition, ...], ...]]:
    match rule:
        case {"channel": str(channel), "when": [*alternatives]} if channel and alternatives:
            return channel, tuple(_conditions(entry, f"{where} (`{channel}`)") for entry in alternatives)
    message = f"{where}: is no rule.\n  Write `channel: NAME` and `when:` with a list of conditions."
    raise ConfigError(message)


def _conditions(entry: Any, where: str) -> tuple[Condition, ...]:
    if not isinstance(entry, dict) or not entry or set(entry) - set(_CONDITIONS):
        message = f"{where}: `{entry}` is no condition.\n  Known: {', '.join(_CONDITIONS)}."
        raise ConfigError(message)
    return tuple(_condition(what, wanted, where) for what, wanted in entry.items())


def _condition(what: str, wanted: Any, where: str) -> Condition:
    texts = [wanted] if isinstance(wanted, str) else wanted
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
        message = f"{where}: `{what}` is neither a text nor a list of texts."
        raise ConfigError(message)
    if what == "source_kind":
        if unknown := set(texts) - set(KINDS):
            message = f"{where}: no list of `{', '.join(sorted(unknown))}` sites.\n  Known: {', '.join(KINDS)}."
            raise ConfigError(message)
        kinds = frozenset(texts)
        return lambda traffic: traffic.source_kind in kinds
    if what == "referrer":
        hosts = tuple(map(plain_host, texts))
        return lambda traffic: any(traffic.referrer == host or traffic.referrer.endswith("." + host) for host in hosts)
    if isinstance(wanted, str) and len(wanted) > 2 and wanted[0] == wanted[-1] == "/":
        return _pattern(what, wanted[1:-1], where)
    values = frozenset(text.lower() for text in texts)
    return lambda traffic: getattr(traffic, what).lower() in values


def _pattern(what: str, text: str, where: str) -> Condition:
    try:
        pattern = re.compile(text, re.IGNORECASE)
    except re.error as error:
        message = f"{where}: `{what}` is not a regular expression: {error}."
        raise ConfigError(message) from error
    return lambda traffic: pattern.search(getattr(traffic, what)) is not None


def known_channels(rules: Iterable[tuple[str, Any]] | None = None) -> tuple[str, ...]:
    """Return the channels that rules can give, in their order."""
    pairs = default_rules().rules if rules is None else rules
    return (*dict.fromkeys(channel for channel, _ in pairs), UNASSIGNED)
