"""
One frozen `Options`, from arguments over environment over defaults; what is wrong raises at once and says
where it was.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import Field, dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal, TypedDict, get_args

import msgspec

from trackway._delivery.compression import load_zstd
from trackway._errors import ConfigurationError

if TYPE_CHECKING:
    from trackway._notices import OnDrop, OnError

OnViolation = Literal["flag", "drop", "off", "raise"]
Overflow = Literal["drop_newest", "drop_oldest", "block", "spill"]
ConsentDefault = Literal["grant", "deny"]
BeforeSend = Callable[[dict[str, Any]], dict[str, Any] | None]
"""Gets an event as it would be sent, and returns what shall be sent in its place; None for nothing."""
Compression = Literal["gzip", "zstd", "none"]

DEFAULT_HOST = "http://127.0.0.1:8077"
MAX_EVENT_BYTES = 32 * 1024
"""The collector's limit for one event."""
MAX_BATCH_BYTES = 500 * 1024
"""The collector's limit for one batch, uncompressed."""
MAX_BATCH_EVENTS = 2500
"""The collector's limit for the number of events in one batch."""
MAX_SHOWN = 100
"""Characters of a wrong value in an error message."""
MIN_HASH_KEY_CHARS = 16
"""As in the collector; shorter keys can be guessed."""
ENVELOPE_BYTES = 1024
"""Room for what stands around the events of a batch; ours takes less than a hundred bytes."""

_defaults: dict[str, str] = {"on_violation": "flag"}


def set_default_policy(policy: OnViolation) -> None:
    """Make another `on_violation` the default of this process; for the pytest plugin."""
    _defaults["on_violation"] = policy


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
        for name in _TEXTS:
            value = getattr(self, name)
            if value is not None and (not isinstance(value, str) or not value.strip()):
                raise _bad(name, value, "write a text that is not empty")
        if not self.write_key.isascii() or not self.write_key.isprintable() or ":" in self.write_key:
            # Never the key itself: this message may end up in a log.
            msg = "`write_key` cannot go through HTTP Basic auth. Write printable ASCII without a colon."
            raise ConfigurationError(msg)
        for name, words in _CHOICES.items():
            if not isinstance(word := getattr(self, name), str) or word not in words:
                raise _bad(name, word, f"known policies: {', '.join(sorted(words))}")
        object.__setattr__(self, "before_send", _functions(self.before_send))
        for name in ("on_drop", "on_error"):
            if (function := getattr(self, name)) is not None and not callable(function):
                raise _bad(name, function, "write a function")
        _check_mappings(self)
        _check_compression(self.compression)
        _check_host(self.host)
        _check_queue(self.queue)
        _check_hash_key(self.hash_key)
        for name in _FLAGS:
            value = getattr(self, name)
            if not isinstance(value, bool):
                raise _bad(name, value, "write True or False")
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
                raise _bad(name, value, f"write a number from {low} to {high}")
            if isinstance(value, float) and not name.endswith("_s"):
                raise _bad(name, value, f"write a whole number from {low} to {high}")

    @classmethod
    def build(cls, given: Mapping[str, object], environ: Mapping[str, str] | None = None) -> Options:
        """
        Return the options from arguments (those that are not None) over `TRACKWAY_…` variables over defaults.

        Raises:
            ConfigurationError: something is missing, unknown or wrong; the message names each place looked
            in.
        """
        environ = os.environ if environ is None else environ
        known = {item.name: item for item in fields(cls)}
        for name in given:
            if name not in known:
                from trackway_plan.near import did_you_mean  # here: difflib is for mistakes only

                meant = did_you_mean(name, known)
                msg = f"`{name}` is not a setting of Tracker.{meant} Known settings: {', '.join(sorted(known))}."
                raise ConfigurationError(msg)
        chosen: dict[str, Any] = {}
        for name, item in known.items():
            value = given.get(name)
            variable = f"TRACKWAY_{name.upper()}"
            if value is not None:
                chosen[name] = value
            elif environ.get(variable):
                chosen[name] = _from_text(item, variable, environ[variable])
            elif name in _defaults:
                chosen[name] = _defaults[name]
        if "write_key" not in chosen:
            msg = (
                "There is no write key. Looked at: the argument `write_key` (not given), "
                "the environment variable TRACKWAY_WRITE_KEY (not set).\n"
                '  Write Tracker("your-write-key"), or set the variable; '
                "the collector prints its keys when it starts."
            )
            raise ConfigurationError(msg)
        try:
            return cls(**chosen)
        except ConfigurationError as error:
            msg = f"{error}{came_from(str(error), given, environ)}"
            raise ConfigurationError(msg) from None


_TEXTS = ("write_key", "host", "plan", "source", "queue")
_CHOICES: dict[str, tuple[str, ...]] = {
    "on_violation": get_args(OnViolation),
    "overflow": get_args(Overflow),
    "consent_default": get_args(ConsentDefault),
}
_FROM_JSON = ("sample", "consent_categories", "super_properties")
_FUNCTIONS = ("before_send", "on_drop", "on_error")
_FLAGS = ("sync", "handle_signals")
_URL = "write a URL such as https://collect.example.com"
_RANGES: dict[str, tuple[float, float]] = {
    "flush_interval_s": (0, 3600),
    "max_batch_events": (1, MAX_BATCH_EVENTS),
    "max_batch_bytes": (MAX_EVENT_BYTES, MAX_BATCH_BYTES - ENVELOPE_BYTES),
    "max_queue_events": (1, 100_000_000),
    "max_queue_bytes": (MAX_EVENT_BYTES, 1 << 40),
    "max_disk_bytes": (1024 * 1024, 1 << 50),
    "max_disk_age_s": (60, 7 * 86_400 - 3600),
    "gzip_over_bytes": (0, 1 << 40),
    "request_timeout_s": (0.001, 3600),
    "close_timeout_s": (0, 86_400),
    "exit_timeout_s": (0, 86_400),
    "backoff_base_s": (0.001, 3600),
    "backoff_cap_s": (0.001, 3600),
    "give_up_after_s": (0, 7 * 86_400),
    "block_timeout_s": (0, 3600),
    "sync_timeout_s": (0, 3600),
}


_YES_NO = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}


def _from_text(item: Field[Any], variable: str, text: str) -> Any:
    if item.name in _FROM_JSON:
        try:
            return msgspec.json.decode(text)
        except msgspec.MsgspecError:
            msg = f"The environment variable {variable} is no JSON. Write, for example, {_JSON_EXAMPLES[item.name]}."
            raise ConfigurationError(msg) from None
    if item.name in _FUNCTIONS:
        msg = f"The environment variable {variable} cannot hold a function. Give `{item.name}` as an argument."
        raise ConfigurationError(msg)
    if item.type == "bool":
        if text.strip().lower() in _YES_NO:
            return _YES_NO[text.strip().lower()]
        msg = f"The environment variable {variable} is {text!r}. Write 1 or 0."
        raise ConfigurationError(msg)
    if item.type not in ("int", "float"):
        return text
    try:
        return int(text) if item.type == "int" else float(text)
    except ValueError:
        wanted = "a whole number" if item.type == "int" else "a number"
        msg = f"The environment variable {variable} is {text!r}. Write {wanted}."
        raise ConfigurationError(msg) from None


def _check_compression(compression: str) -> None:
    if not isinstance(compression, str) or compression not in get_args(Compression):
        raise _bad("compression", compression, "known ways: gzip, zstd, none")  # noqa: EM101
    if compression == "zstd":
        try:
            load_zstd()
        except ImportError:
            msg = (
                "`compression` is 'zstd', and there is no zstd: looked for the module compression.zstd, which is part "
                "of Python from 3.14 on, and for the package backports.zstd.\n  Write: pip install 'trackway[zstd]'"
            )
            raise ConfigurationError(msg) from None


def _check_host(host: str) -> None:
    from urllib.parse import urlsplit  # here: with ipaddress it takes longer to import than this module

    try:
        parts = urlsplit(host)
        _ = parts.port
    except ValueError:
        raise _bad("host", host, _URL) from None  # noqa: EM101
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise _bad("host", host, _URL)  # noqa: EM101
    if parts.query or parts.fragment or parts.username or parts.password:
        msg = (
            "`host` has a user, a query or a fragment. Write only scheme, host, port and path; "
            "the key goes into `write_key`."
        )
        raise ConfigurationError(msg)


def _check_queue(queue: str) -> None:
    if queue not in ("memory", "disk") and not queue.startswith("~") and not {"/", os.sep} & set(queue):
        # A misspelt word would be a directory wherever the program happens to start, and nobody would notice.
        raise _bad("queue", queue, f"write memory, disk, or a directory with its path, such as ./{queue}")  # noqa: EM101


def _check_hash_key(key: str | None) -> None:
    if key is None:
        return
    if not isinstance(key, str) or len(key) < MIN_HASH_KEY_CHARS:
        # Never the key itself: this message may end up in a log.
        msg = f"`hash_key` cannot be used. Write the collector's, a text of {MIN_HASH_KEY_CHARS} characters or more."
        raise ConfigurationError(msg)


_JSON_EXAMPLES = {
    "sample": """0.1 or {"Page Viewed": 0.1}""",
    "consent_categories": """{"Ad Clicked": "advertising"}""",
    "super_properties": """{"app_version": "2.1.0"}""",
}


def _functions(given: object) -> tuple[BeforeSend, ...]:
    functions = (given,) if callable(given) else given
    if not isinstance(functions, Sequence) or not all(map(callable, functions)):
        raise _bad("before_send", given, "write a function, or a list of functions")  # noqa: EM101
    return tuple(functions)


def _check_mappings(options: Options) -> None:
    sample, categories = options.sample, options.consent_categories
    rates = list(sample.values()) if isinstance(sample, Mapping) else [] if sample is None else [sample]
    if not all(type(rate) in (int, float) and 0 <= rate <= 1 for rate in rates):
        example = _JSON_EXAMPLES["sample"]
        raise _bad("sample", sample, f"write a number from 0 to 1, or numbers by event: {example}")  # noqa: EM101
    if not isinstance(categories, Mapping) or not all(isinstance(name, str) and name for name in categories.values()):
        example = _JSON_EXAMPLES["consent_categories"]
        raise _bad("consent_categories", categories, f"write categories by event: {example}")  # noqa: EM101
    if not isinstance(options.super_properties, Mapping):
        # Never the value itself: what events carry may be personal data.
        example = _JSON_EXAMPLES["super_properties"]
        msg = f"`super_properties` is a {type(options.super_properties).__name__}: write a mapping such as {example}."
        raise ConfigurationError(msg)


def _bad(name: str, value: object, mend: str) -> ConfigurationError:
    return ConfigurationError(f"`{name}` is {_shown(name, value)}: {mend}.")


def _shown(name: str, value: object) -> str:
    """Return a value as an error message may show it: not a key, nor a URL with what may be a password in it."""
    try:
        text = repr(value)
    except Exception:
        return f"a {type(value).__name__}"
    if name == "write_key" or (name == "host" and "@" in text):
        return "…"
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"


def came_from(message: str, given: Mapping[str, object], environ: Mapping[str, str]) -> str:
    """Return where the setting came from that a message names first, as a line to add to it; '' if from nowhere."""
    name = message.partition("`")[2].partition("`")[0]
    if given.get(name) is not None:
        return f"\n  It came from the argument `{name}`."
    variable = f"TRACKWAY_{name.upper()}"
    return f"\n  It came from the environment variable {variable}." if environ.get(variable) else ""
