"""
A real collector in the test's own process: what Snowplow Micro is for Snowplow.

It needs the extra `collector` and is loaded by name when it is asked for: the SDK does not depend on it.
"""

from __future__ import annotations

import base64
import contextlib
import importlib
import os
import secrets
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from trackway._delivery.transport import HttpTransport, Request
from trackway._errors import ConfigurationError
from trackway.testing.events import TrackedEvent
from trackway.testing.recorder import local_hosts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from trackway_plan import Release

DEFAULT_SOURCE = "app"
REQUEST_TIMEOUT_S = 10.0
MODULE = "trackway_collector.testing"


@dataclass(frozen=True, slots=True, repr=False)
class CollectedEvent(TrackedEvent):
    """One event as the collector keeps it, and its verdict. `raw` of a rejected event is empty: it is not kept."""

    outcome: str = "ok"
    """`ok`, `flagged`, `unplanned`, `quarantined` or `rejected`."""
    codes: tuple[str, ...] = ()
    """What was found against it, as in the warehouse: `wrong_type /total`."""
    reasons: tuple[str, ...] = ()
    """A sentence for each, of quarantined and rejected events."""
    source: str = ""
    """Whose write key it came with."""
    rev: int = 0
    """The plan's revision that judged it; 0 without a plan."""
    kept_id: str = ""
    """Its `messageId`: the client's, or the one that the collector gave."""

    @property
    def type(self) -> str:
        """As of any event; empty where the event could not be read."""
        return str(self.raw.get("type", ""))

    @property
    def name(self) -> str:
        """As of any event; empty where the event could not be read."""
        return str(self.raw.get("event", "")) if self.type in ("track", "") else f"${self.type}"

    @property
    def message_id(self) -> str:
        """The event's identity."""
        return self.kept_id

    def line(self) -> str:
        """Return the event on one line, with its outcome."""
        found = f" [{', '.join(self.codes)}]" if self.codes else ""
        return f"{self.outcome}{found}  {self.name}  {msgspec.json.encode(self.raw).decode()}"


class Collector:
    """A collector that runs. What a tracker has flushed can be read at once."""

    def __init__(self, thread: Any, keys: Mapping[str, str]) -> None:
        self._thread = thread
        self.url = f"http://127.0.0.1:{thread.port}"
        """What a tracker takes as `host`."""
        self.write_keys = dict(keys)
        """Source → write key."""
        self.write_key = next(iter(self.write_keys.values()))
        """The key of the first source, or of the only one."""

    @property
    def events(self) -> list[CollectedEvent]:
        """Every event of every request that was answered 200, in order, whatever the verdict."""
        return [_collected(found) for found in self._thread.spooled()]

    @property
    def accepted(self) -> list[CollectedEvent]:
        """The events that the warehouse would store: outcome `ok`, `flagged` or `unplanned`."""
        return [event for event in self.events if event.outcome in ("ok", "flagged", "unplanned")]

    @property
    def flagged(self) -> list[CollectedEvent]:
        """Those of the accepted that have something against them, in `codes`."""
        return [event for event in self.events if event.outcome == "flagged"]

    @property
    def quarantined(self) -> list[CollectedEvent]:
        """The events that would be in quarantine, with `codes` and `reasons`."""
        return [event for event in self.events if event.outcome == "quarantined"]

    @property
    def rejected(self) -> list[CollectedEvent]:
        """The events refused for good, with `codes` and `reasons`; of what they carried nothing is kept."""
        return [event for event in self.events if event.outcome == "rejected"]

    @property
    def refused_requests(self) -> dict[tuple[int, str], int]:
        """How many whole requests were refused: `{(401, "unknown_write_key"): 1}`."""
        return dict(self._thread.refused())

    def post(self, events: Iterable[Mapping[str, Any] | TrackedEvent], *, write_key: str | None = None) -> None:
        """
        Send events as they are, without a tracker: what `tracked` has recorded, or what another client would send.

        Raises:
            AssertionError: the request was refused as a whole.
        """
        __tracebackhide__ = True
        batch = [event.raw if isinstance(event, TrackedEvent) else event for event in events]
        token = base64.b64encode(f"{self.write_key if write_key is None else write_key}:".encode()).decode()
        transport = HttpTransport(self.url)
        headers = {"Authorization": f"Basic {token}", "Content-Type": "application/json"}
        answer = transport.send(Request(msgspec.json.encode({"batch": batch}), headers, REQUEST_TIMEOUT_S))
        transport.close()
        if answer.status != 200:
            msg = f"The collector refused the request: HTTP {answer.status} {answer.body.decode(errors='replace')}"
            raise AssertionError(msg)

    def __repr__(self) -> str:
        return f"<Collector at {self.url}>"


@contextlib.contextmanager
def collector(
    plan: Release | str | os.PathLike[str] | None = None,
    *,
    write_keys: Mapping[str, str] | None = None,
    hash_key: str | None = None,
) -> Iterator[Collector]:
    """
    Run a collector on a free port of 127.0.0.1 inside the block.

        with collector(plan="tracking_plan") as c, Tracker(c.write_key, host=c.url) as tracker:
            tracker.track("Order Completed", {"total": "12.50"}, user_id="user-7")
            tracker.flush()
            assert [event.name for event in c.accepted] == ["Order Completed"]

    Args:
        plan: a release, its file, or a plan directory, all of whose releases are live; without one nothing is judged.
        write_keys: source → write key; by default one source, `app`, with a key made up now.
        hash_key: the key of `store: hash`, if the plan hashes.

    Raises:
        ConfigurationError: the extra `collector` is not installed, or the plan cannot be used.
    """
    try:
        runner = importlib.import_module(MODULE)
    except ModuleNotFoundError as error:
        msg = f"The in-process collector needs `{error.name}`.\n  Write: pip install 'trackway[collector]'"
        raise ConfigurationError(msg) from error
    keys = dict(write_keys or {DEFAULT_SOURCE: secrets.token_urlsafe(12)})
    where = os.fspath(plan) if isinstance(plan, str | os.PathLike) else plan
    # On Windows a file that is still mapped cannot be removed; the system's temporary folder is the right place to lie.
    with tempfile.TemporaryDirectory(prefix="trackway-test-", ignore_cleanup_errors=True) as directory:
        thread = runner.CollectorThread(Path(directory), keys, where, hash_key)
        try:
            thread.start()
        except Exception as error:
            if type(error).__module__.partition(".")[0] not in ("trackway_collector", "trackway_plan"):
                raise
            raise ConfigurationError(str(error)) from error
        running = Collector(thread, keys)
        local_hosts.add(running.url)
        try:
            yield running
        finally:
            local_hosts.discard(running.url)
            thread.stop()


def _collected(found: Any) -> CollectedEvent:
    try:
        raw = msgspec.json.decode(found.raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raw = None  # what cannot be read is quarantined as it came
    return CollectedEvent(
        raw if isinstance(raw, dict) else {},
        outcome=found.outcome,
        codes=found.violations,
        reasons=found.reasons,
        source=found.source,
        rev=found.rev,
        kept_id=found.message_id,
    )
