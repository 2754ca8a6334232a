"""`Options`: every setting, what it does and its default."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, TypedDict

from trackway._errors import ConfigurationError
from trackway._options.checks import as_functions, check
from trackway._options.kinds import (
    DEFAULT_HOST,
    ENVELOPE_BYTES,
    MAX_BATCH_BYTES,
    BeforeSend,
    Compression,
    ConsentDefault,
    OnViolation,
    Overflow,
)
from trackway._options.sources import came_from, choose

if TYPE_CHECKING:
    from trackway._notices import OnDrop, OnError


class Tuning(TypedDict, total=False):
    """The settings of `Options` that few programs touch; `Tracker(…)` takes them by name."""

    flush_interval_s: float
    max_batch_events: int
    max_batch_bytes: int
    max_queue_events: int
    max_queue_bytes: int
    max_disk_bytes: int
    max_disk_age_s: float
    compression: Compression
    gzip_over_bytes: int
    request_timeout_s: float
    close_timeout_s: float
    exit_timeout_s: float
    backoff_base_s: float
    backoff_cap_s: float
    give_up_after_s: float
    overflow: Overflow
    block_timeout_s: float
    before_send: BeforeSend | Sequence[BeforeSend]
    sample: float | Mapping[str, float]
    consent_default: ConsentDefault
    consent_categories: Mapping[str, str]
    super_properties: Mapping[str, object]
    on_drop: OnDrop
    on_error: OnError
    sync: bool
    sync_timeout_s: float
    handle_signals: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """
    All settings of a `Tracker`. Each can be given by argument or as `TRACKWAY_` plus its name in capitals.

    The defaults suit a web service: an event leaves after at most half a second, and a collector may be away
    for a while.
    """

    write_key: str = field(repr=False)
    """Which source the events belong to; the collector knows the keys. No default."""

    host: str = DEFAULT_HOST
    """
    Where the collector is; a path in it is put before `/v1/batch`. Default: a collector started here by
    `trackway up`.
    """

    plan: str | None = None
    """
    File of the plan release that events are checked against. Default: none, nothing is checked or stamped.
    """

    source: str | None = None
    """
    This program's name among the plan's sources, for `sent_by`. Default: none, any source may send any event.
    """

    hash_key: str | None = field(default=None, repr=False)
    """
    The operator's key for `store: hash`, the same text as the collector's, 16 characters or more. Default: none, values
    are hashed by the collector.
    """

    on_violation: OnViolation = "flag"
    """What to do with an event that breaks the plan: flag (send, marked), drop, off (do not check) or raise.
    Default: flag; under the pytest plugin: raise."""

    flush_interval_s: float = 0.5
    """How long an event may wait for company, in seconds. Default: 0.5."""

    max_batch_events: int = 500
    """How many events make a batch at most, 1 to 2,500. Default: 500."""

    max_batch_bytes: int = MAX_BATCH_BYTES - ENVELOPE_BYTES
    """
    How many bytes of events make a batch at most, before compression. Default: 499 KiB, the collector takes
    500.
    """

    max_queue_events: int = 100_000
    """How many events may be pending; more are dropped and counted. Default: 100,000."""

    max_queue_bytes: int = 64 * 1024 * 1024
    """How many bytes of events may be pending; more are dropped and counted. Default: 64 MiB."""

    queue: str = "memory"
    """
    Where events wait: "memory", "disk" (the system's place for such things, see docs/disk_queue.md) or a directory. On
    disk they survive the process, and memory holds only the next ones to be sent. Default: memory.
    """

    max_disk_bytes: int = 1024 * 1024 * 1024
    """
    How many bytes the disk queue of one destination may have, those of all processes together. Default: 1 GiB.
    """

    max_disk_age_s: float = 6 * 86_400.0
    """
    Events that waited on disk for longer are dropped and counted, up to an hour less than the seven days for which a
    collector knows an event again. Default: six days.
    """

    compression: Compression = "gzip"
    """
    How batches are compressed: gzip, zstd (smaller, and a sixth of the work; needs `trackway[zstd]` before Python 3.14)
    or none. A collector that cannot read it gets the next simpler one. Default: gzip.
    """

    gzip_over_bytes: int = 4096
    """Batches over this size are compressed, in the sender's thread. Default: 4,096."""

    request_timeout_s: float = 10.0
    """How long a request may take, connecting and waiting for the answer together, in seconds. Default: 10."""

    close_timeout_s: float = 5.0
    """How long `close()` and the end of a `with` block may drain the queue, in seconds. Default: 5."""

    exit_timeout_s: float = 2.0
    """
    How long the end of the program may be held up to drain the queue, in seconds; 0 leaves at once. Default:
    2.
    """

    backoff_base_s: float = 0.5
    """The nth retry waits a random time up to base × 2^(n-1) seconds. Default: 0.5."""

    backoff_cap_s: float = 30.0
    """
    No retry waits longer than this, in seconds, unless the collector asks for it (obeyed up to 300). Default:
    30.
    """

    give_up_after_s: float = 86_400.0
    """A batch without a final answer is dropped and counted after this time, in seconds. Default: one day."""

    overflow: Overflow = "drop_newest"
    """
    What gives way when memory is full: drop_newest (the event at hand), drop_oldest (those that wait longest), block
    (the call waits for room, up to `block_timeout_s`), or spill (events go to disk; at the end of the program, too, all
    that was not sent). Default: drop_newest.
    """

    block_timeout_s: float = 1.0
    """
    How long a call may wait for room, in seconds; then its event is dropped. Never waits in an asyncio loop. Default:
    1.
    """

    before_send: BeforeSend | Sequence[BeforeSend] = ()
    """
    Functions, called one after the other with each event as a dict before it is queued; each returns the event, changed
    or not, or None to drop it. An error drops the event. Default: none.
    """

    sample: float | Mapping[str, float] | None = None
    """
    Which part of the people events are sent for, 0 to 1; or such a part by event, with "*" for the others. Default:
    everybody.
    """

    consent_default: ConsentDefault = "grant"
    """Whether events of a category that nothing was said about may be sent: grant or deny. Default: grant."""

    consent_categories: Mapping[str, str] = field(default_factory=dict)
    """Which category of consent an event belongs to, with "*" for the others. Default: "analytics", all of them."""

    super_properties: Mapping[str, object] = field(default_factory=dict, repr=False)
    """
    Properties that every track, page and screen carries; the event's own win. `register` adds more. Default: none.
    """

    on_drop: OnDrop | None = None
    """Called as on_drop(reason, event) for each event that is dropped, without any lock. Default: nobody is told."""

    on_error: OnError | None = None
    """Called as on_error(error) when sending or a function of `before_send` fails. Default: the log alone is told."""

    sync: bool = False
    """
    Whether each call of a `Tracker` sends its event before it returns, without any thread; for scripts. Default: no.
    """

    sync_timeout_s: float = 5.0
    """
    How long such a call may take, retries included, in seconds; what has not left by then stays queued. Default: 5.
    """

    handle_signals: bool = False
    """
    Whether SIGTERM and SIGINT drain the queue before they end the program; see `Tracker.handle_signals`. Default: no.
    """

    def __post_init__(self) -> None:
        object.__setattr__(self, "before_send", as_functions(self.before_send))
        check(self)

    @classmethod
    def build(cls, given: Mapping[str, object], environ: Mapping[str, str] | None = None) -> Options:
        """
        Return the options from arguments (those that are not None) over `TRACKWAY_…` variables over defaults.

        Raises:
            ConfigurationError: something is missing, unknown or wrong; the message names each place looked
            in.
        """
        environ = os.environ if environ is None else environ
        chosen = choose({item.name: item for item in fields(cls)}, given, environ)
        try:
            return cls(**chosen)
        except ConfigurationError as error:
            msg = f"{error}{came_from(str(error), given, environ)}"
            raise ConfigurationError(msg) from None
