"""Known sites: of what kind a host is, and what people call it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

from trackway_collector.enrich.data_files import data_file
from trackway_collector.enrich.urls import plain_host

_REMEMBERED = 16_384
KINDS = ("search", "social", "video", "shopping", "ai")


class Site(NamedTuple):
    """A site that visitors come from."""

    kind: str
    name: str


class Sites:
    """
    The known sites.

    Args:
        lists: kind → name → hosts, the first list counts most; see `data/matomo.yaml` for what hosts may look like.
        names: kind → what a `utm_source` may say → name.
    """

    def __init__(self, *lists: Mapping[str, Mapping[str, list[str]]], names: Mapping[str, Mapping[str, str]]) -> None:
        self._hosts: dict[str, Site] = {}
        self._found: dict[str, Site | None] = {}
        self._any_country: dict[str, Site] = {}
        self._names: dict[str, Site] = {
            said: Site(kind, name) for kind, by_name in names.items() for said, name in by_name.items()
        }
        for sites in lists:
            for kind in KINDS:
                for name, hosts in sites.get(kind, {}).items():
                    self._add(Site(kind, str(name)), hosts)

    def of_host(self, host: str) -> Site | None:
        """Return the site of a host: the one whose host is the longest that it is, or is below."""
        if host not in self._found:
            if len(self._found) >= _REMEMBERED:
                self._found.clear()
            self._found[host] = self._of_host(host)
        return self._found[host]

    def _of_host(self, host: str) -> Site | None:
        labels = plain_host(host).split(".")
        for start in range(len(labels) - 1):
            if (site := self._hosts.get(".".join(labels[start:]))) is not None:
                return site
        for country in (1, 2):  # google.de, google.co.uk
            if len(labels) > country and (site := self._any_country.get(".".join(labels[:-country]))) is not None:
                return site
        return None

    def of_source(self, source: str) -> Site | None:
        """Return the site that a `utm_source` means: a host, or a name such as `google` or `fb`."""
        source = source.strip().lower()
        return (self.of_host(source) if "." in source else None) or self._names.get(source)

    def _add(self, site: Site, hosts: list[str]) -> None:
        self._names.setdefault(site.name.lower(), site)
        for host in hosts:
            if host.endswith(".*"):
                self._any_country.setdefault(host[:-2], site)
                continue
            self._hosts.setdefault(host, site)
            name, _, rest = host.partition(".")
            if "." not in rest:
                self._names.setdefault(name, site)


@cache
def known_sites() -> Sites:
    """Return the sites of this package's lists."""
    ours: Any = data_file("sites.yaml")
    return Sites(ours, data_file("matomo.yaml"), names=ours["names"])
