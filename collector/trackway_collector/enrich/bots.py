"""Crawlers, monitors and headless browsers, by the public list `crawler-user-agents`; flagged, never dropped."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache, lru_cache

from trackway_collector.enrich.known import Known

_MAX_AGENT_CHARS = 1024
_CHUNK = 25
_QUANTIFIER = re.compile(r"(?<!\\)[*+{?]")
_PLAIN = re.compile(r"[\w .-]+")


def bot(known: Known) -> Mapping[str, str]:
    """The name of the program that the user agent gives itself away as."""
    agent = known.text("user_agent")
    if not agent:
        return {}
    name, is_library = bot_of(agent[:_MAX_AGENT_CHARS])
    # A program library's own user agent is a bot's on a web page. An app on a phone, or a server that sends events,
    # has such a user agent by nature.
    if is_library and (known.client is None or _is_app(known)):
        return {}
    return {"bot": name}


@lru_cache(maxsize=16_384)
def bot_of(user_agent: str) -> tuple[str, bool]:
    """Return a bot's name, empty for people, and whether it is an HTTP library (`curl`, `okhttp` …)."""
    for chunk, patterns in _patterns():
        if chunk.search(user_agent) is None:
            continue
        for pattern, is_library in patterns:
            if (found := pattern.search(user_agent)) is not None:
                return _name(pattern, found), is_library
    return "", False


def _is_app(known: Known) -> bool:
    return any(known.text(column) for column in ("app_name", "app_version", "device_id", "device_model", "device_type"))


def _name(pattern: re.Pattern[str], found: re.Match[str]) -> str:
    # Where a pattern matches texts of any length, its own beginning is the name: names stay few.
    if _QUANTIFIER.search(pattern.pattern) is None:
        return found.group().strip(" /;:(\t")
    plain = _PLAIN.search(pattern.pattern)
    return plain.group().strip() if plain is not None else "bot"


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], tuple[tuple[re.Pattern[str], bool], ...]], ...]:
    from crawleruseragents import CRAWLER_USER_AGENTS_DATA as LIST  # read at first use: it is large

    entries = [(entry["pattern"], "http-library" in entry.get("tags", ())) for entry in LIST]
    chunks = (entries[start : start + _CHUNK] for start in range(0, len(entries), _CHUNK))
    return tuple(
        (
            re.compile("|".join(f"(?:{pattern})" for pattern, _ in chunk)),
            tuple((re.compile(pattern), is_library) for pattern, is_library in chunk),
        )
        for chunk in chunks
    )
