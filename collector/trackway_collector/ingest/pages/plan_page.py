"""
`GET /v1/plan`: what a write key stands for, and which releases are live. `trackway doctor` asks it.

It says nothing of events, and of the plan only names, numbers and hashes, which every stamped event carries as well.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from trackway_collector.ingest.rules.keys import Grant
    from trackway_collector.releases import LiveReleases


def plan_page(grant: Grant, live: LiveReleases | None) -> bytes:
    """Return the page's JSON; `plan` is null where no plan judges events."""
    plan: dict[str, Any] | None = None
    if live is not None:
        releases = [{"rev": release.rev, "hash": release.hash} for release in live.by_rev.values()]
        plan = {"name": live.newest.name, "rev": live.newest.rev, "live": releases}
    now = datetime.fromtimestamp(time.time(), UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    page = {"source": grant.source, "environment": grant.environment, "plan": plan, "time": now}
    return msgspec.json.encode(page)
