"""
Add what Matomo's list of search engines, social networks and AI assistants has, and ours lacks.

    python -m trackway_collector.enrich.refresh CHECKOUT

CHECKOUT is a copy of github.com/matomo-org/searchengine-and-social-list. Prints the entries to add to `matomo.yaml`;
nothing is removed, and nothing is written.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from trackway_collector.enrich.data_files import read_yaml
from trackway_collector.enrich.sites import Sites, known_sites
from trackway_collector.enrich.urls import plain_host

_FILES = {"search": "SearchEngines.yml", "social": "Socials.yml", "ai": "AIAssistants.yml"}


def missing(checkout: Path, known: Sites) -> Iterator[tuple[str, str, str]]:
    """Yield (kind, name, host) of each host that the known sites do not cover."""
    for kind, file in _FILES.items():
        listed: Mapping[str, Any] = read_yaml((checkout / file).read_text("utf-8"))
        for name, entry in listed.items():
            for host in dict.fromkeys(_hosts(entry)):
                sample = host.replace(".*", ".de")
                if known.of_host(sample) is None:
                    yield kind, str(name), host


def _hosts(entry: list[Any]) -> Iterator[str]:
    for item in entry:
        for url in item["urls"] if isinstance(item, dict) else [item]:
            host = plain_host(str(url).removeprefix("android-app://").strip())
            if "/" in host or host.startswith("{}.google"):
                continue  # a path: what of a host is no search
            host = host.removeprefix("{}.").replace(".{}", ".*")
            if "{" not in host and "." in host:
                yield host


def main() -> None:
    """Print what is missing, in the form of `matomo.yaml`."""
    for kind, name, host in missing(Path(sys.argv[1]), known_sites()):
        sys.stdout.write(f"{kind}: {name}: {host}\n")


if __name__ == "__main__":
    main()
