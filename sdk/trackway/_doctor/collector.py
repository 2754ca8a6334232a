"""What the collector says of itself: that it is one, whether it accepts, whose the key is, its time and its plan."""

from __future__ import annotations

import base64
import time
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import msgspec
import urllib3

from trackway._doctor.findings import Finding, Status, UnreachableError, note, ok, problem, skipped
from trackway._doctor.network import speaks_tls
from trackway._version import LIBRARY, __version__

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trackway._doctor.case import Case

MAX_PAGE_BYTES = 1024 * 1024
CORRECTED_OVER_S = 60
"""The collector corrects the times of events by `sentAt` when they differ by more; see docs/wire_format.md."""


@dataclass(frozen=True, slots=True)
class Page:
    """An answer to a GET."""

    status: int
    headers: Mapping[str, str]
    json: Any
    """The body, decoded; None where it is no JSON."""
    at_s: float = field(default=0.0)
    """Our time when the answer was half way here, Unix seconds."""

    @property
    def stranger(self) -> str:
        """What answered, for a message."""
        server = self.headers.get("Server", "")
        return f"HTTP {self.status}" + (f" from {server}" if server else "")


def get(case: Case, path: str) -> Page:
    """
    Return a page of the host, asked for as the SDK asks.

    Raises:
        urllib3.exceptions.HTTPError: there was no answer.
    """
    token = base64.b64encode(f"{case.options.write_key}:".encode()).decode()
    headers = {"User-Agent": f"{LIBRARY}/{__version__}", "Accept": "application/json"}
    if path == "/v1/plan":
        headers["Authorization"] = f"Basic {token}"
    before = case.clock.time_ns()
    began = time.monotonic()
    with urllib3.PoolManager(retries=False) as pool:
        timeout = urllib3.Timeout(connect=case.timeout_s, read=case.timeout_s)
        answer = pool.request(
            "GET", case.url(path), headers=headers, timeout=timeout, redirect=False, preload_content=False
        )
        body = answer.read(MAX_PAGE_BYTES)
    at_s = before / 1e9 + (time.monotonic() - began) / 2
    try:
        decoded = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        decoded = None
    return Page(answer.status, dict(answer.headers), decoded, at_s)


def check_collector(case: Case) -> Finding:
    """Ask whether what answers is a collector, and whether it can accept events now."""
    try:
        plan, ready = get(case, "/v1/plan"), get(case, "/ready")
    except urllib3.exceptions.HTTPError as error:
        raise UnreachableError(_no_answer(case, type(error).__name__)) from error
    if plan.status == 200 and _is_plan_page(plan.json):
        case.page = plan.json
    case.skew_s = _skew_s(plan)
    is_ready = ready.json.get("ready") if isinstance(ready.json, dict) else None
    if case.page is None and not _refuses_the_key(plan) and not isinstance(is_ready, bool):
        raise UnreachableError(_stranger(case, plan))
    case.reached = True
    if is_ready is False:
        reason = str(ready.json.get("reason", "it does not say why"))
        mend = (
            "Events wait in the SDK meanwhile. Look at the collector's log and disk; if ClickHouse was away for long, "
            "the spool has reached max_backlog_mib."
        )
        return problem("collector", f"it cannot accept events: {reason}", mend)
    if is_ready is None:
        return note("collector", f"a collector answers; {case.url('/ready')} does not lead to it")
    return ok("collector", "a collector answers, and accepts events")


def check_key(case: Case) -> Finding:
    """Say whose key it is."""
    if case.page is not None:
        source: str = case.page["source"]
        own = case.options.source
        if own is not None and own != source:
            mend = f"Use the write key of `{own}`, or set source (from: {case.origins['source']}) to `{source}`."
            return problem("key", f"it is the key of `{source}`, and this program says it is `{own}`", mend)
        environment = str(case.page.get("environment", "production"))
        return ok("key", f"it is known: source `{source}`, {environment}", source=source, environment=environment)
    page = get(case, "/v1/plan")
    if _refuses_the_key(page):
        mend = (
            f"Use a key of this collector (now from: {case.origins['write_key']}). `trackway up` prints its keys when "
            "it starts; `trackway collector keys list` shows there which there are, and `… create` makes one."
        )
        case.key_refused = True
        code = page.json.get("code") if isinstance(page.json, dict) else None
        what = {"expired_write_key": "this write key has expired", "revoked_write_key": "this write key was revoked"}
        return problem("key", what.get(str(code), "the collector does not know this write key"), mend)
    return note("key", f"not asked: the collector has no page /v1/plan ({page.stranger})", "Is it an earlier version?")


def check_clock(case: Case) -> Finding:
    """Compare our clock with the collector's."""
    skew_s = case.skew_s
    if skew_s is None:
        return skipped("clock", "the answer carries no time")
    if abs(skew_s) <= 2:  # a Date header has whole seconds, and the way back takes its time
        return ok("clock", "as the collector's", skew_s=round(skew_s, 3))
    way = f"{abs(skew_s):,.0f} s {'ahead of' if skew_s > 0 else 'behind'} the collector's"
    if abs(skew_s) <= CORRECTED_OVER_S:
        return note(
            "clock", way, "Events are stored with this difference; it takes 60 s to be corrected.", skew_s=skew_s
        )
    mend = (
        "Set this machine's clock by NTP. Until then the collector corrects the times of events by `sentAt`, not the "
        "time inside the messageIds."
    )
    return problem("clock", way, mend, skew_s=round(skew_s, 3))


def check_revision(case: Case) -> Finding:
    """Say whether the release that events are stamped with is live at the collector."""
    if case.page is None:
        return skipped("revision", "the collector did not say which releases are live")
    theirs: dict[str, Any] | None = case.page.get("plan")
    ours = case.release
    if theirs is None:
        mend = (
            "" if ours is None else "Start the collector with --plan, so that it judges events of other clients, too."
        )
        return Finding("revision", Status.NOTE, "the collector has no plan: every event is `unplanned`", mend)
    live = {release["rev"]: release["hash"] for release in theirs["live"]}
    there = f"`{theirs['name']}` {_revisions(list(live))}"
    if ours is None:
        mend = (
            "Without one, events carry no stamp, and the collector may flag them `unstamped`. Give the tracker a plan."
        )
        return note("revision", f"the collector judges by {there}; here is no plan", mend, live=list(live))
    what = f"`{ours.name}` revision {ours.rev}"
    if ours.name != theirs["name"]:
        mend = "The tracker's plan and the collector's are different ones. Give both the same."
        return problem("revision", f"here {what}, at the collector {there}", mend, live=list(live))
    if ours.rev not in live:
        mend = (
            f"Events are flagged `unstamped`. Put the file of revision {ours.rev} into the collector's releases/, "
            "where it comes live within a second; or give the tracker one of its releases."
        )
        return problem("revision", f"{what} is not live; the collector has {there}", mend, live=list(live))
    if live[ours.rev] != ours.hash:
        mend = "A release is immutable: take both files from Git, and release the change under the next number."
        return problem("revision", f"{what} is another one at the collector: the hashes differ", mend, live=list(live))
    newest = "" if ours.rev == theirs["rev"] else f"; the newest is {theirs['rev']}"
    return ok("revision", f"{what} is live{newest}", live=list(live))


def _no_answer(case: Case, error: str) -> Finding:
    if not case.secure and speaks_tls(case):
        return problem(
            "collector", "this port speaks TLS, and `host` says http", f"Write https://{case.hostname}:{case.port}."
        )
    mend = "Something listens there and gives no HTTP answer. Look at the port, and at the collector's log."
    return problem("collector", f"no answer ({error})", mend)


def _stranger(case: Case, page: Page) -> Finding:
    if not case.secure and speaks_tls(case):
        return problem(
            "collector", "this port speaks TLS, and `host` says http", f"Write https://{case.hostname}:{case.port}."
        )
    mend = (
        f"Set host (now from: {case.origins['host']}) to the collector's address, with the path if a proxy gives it "
        "one. `trackway up` prints it."
    )
    return problem("collector", f"what answers is no collector: {page.stranger} at {case.url('/v1/plan')}", mend)


def _refuses_the_key(page: Page) -> bool:
    codes = ("unknown_write_key", "expired_write_key", "revoked_write_key")
    return page.status == 401 and isinstance(page.json, dict) and page.json.get("code") in codes


class _Live(msgspec.Struct):
    rev: int
    hash: str


class _Plan(msgspec.Struct):
    name: str
    rev: int
    live: list[_Live]


class _PlanPage(msgspec.Struct):
    source: str
    plan: _Plan | None


def _is_plan_page(json: Any) -> bool:
    """Return whether the page has all that the checks look at; anybody may answer at this address."""
    try:
        msgspec.convert(json, _PlanPage)
    except msgspec.ValidationError:
        return False
    return True


def _skew_s(page: Page) -> float | None:
    said = page.json.get("time") if isinstance(page.json, dict) else None
    try:
        if isinstance(said, str):
            return page.at_s - datetime.fromisoformat(said).timestamp()
        # Whole seconds, cut off: half a second is the best guess at what was cut.
        return page.at_s - parsedate_to_datetime(page.headers["Date"]).timestamp() - 0.5
    except (KeyError, ValueError, OverflowError):
        return None


def _revisions(numbers: list[int]) -> str:
    return f"revision {numbers[0]}" if len(numbers) == 1 else f"revisions {', '.join(map(str, numbers))}"
