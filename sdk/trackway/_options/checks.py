"""What a setting's value must be. Values are shown in messages, except those that may be keys or personal data."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, get_args

from trackway._delivery.compression import load_zstd
from trackway._errors import ConfigurationError
from trackway._options.kinds import (
    ENVELOPE_BYTES,
    MAX_BATCH_BYTES,
    MAX_BATCH_EVENTS,
    MAX_EVENT_BYTES,
    BeforeSend,
    Compression,
    ConsentDefault,
    OnViolation,
    Overflow,
)

if TYPE_CHECKING:
    from trackway._options.options import Options

MAX_SHOWN = 100
"""Characters of a wrong value in an error message."""
MIN_HASH_KEY_CHARS = 16
"""As in the collector; shorter keys can be guessed."""

_TEXTS = ("write_key", "host", "plan", "source", "queue")
_CHOICES: dict[str, tuple[str, ...]] = {
    "on_violation": get_args(OnViolation),
    "overflow": get_args(Overflow),
    "consent_default": get_args(ConsentDefault),
}
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
JSON_EXAMPLES = {
    "sample": """0.1 or {"Page Viewed": 0.1}""",
    "consent_categories": """{"Ad Clicked": "advertising"}""",
    "super_properties": """{"app_version": "2.1.0"}""",
}


def check(options: Options) -> None:
    """Raise ConfigurationError for the first setting that is wrong, with how to mend it."""
    for name in _TEXTS:
        value = getattr(options, name)
        if value is not None and (not isinstance(value, str) or not value.strip()):
            raise _bad(name, value, "write a text that is not empty")
    if not options.write_key.isascii() or not options.write_key.isprintable() or ":" in options.write_key:
        # Never the key itself: this message may end up in a log.
        msg = "`write_key` cannot go through HTTP Basic auth. Write printable ASCII without a colon."
        raise ConfigurationError(msg)
    for name, words in _CHOICES.items():
        if not isinstance(word := getattr(options, name), str) or word not in words:
            raise _bad(name, word, f"known policies: {', '.join(sorted(words))}")
    for name in ("on_drop", "on_error"):
        if (function := getattr(options, name)) is not None and not callable(function):
            raise _bad(name, function, "write a function")
    _check_mappings(options)
    _check_compression(options.compression)
    _check_host(options.host)
    _check_queue(options.queue)
    _check_hash_key(options.hash_key)
    for name in _FLAGS:
        value = getattr(options, name)
        if not isinstance(value, bool):
            raise _bad(name, value, "write True or False")
    for name, (low, high) in _RANGES.items():
        value = getattr(options, name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise _bad(name, value, f"write a number from {low} to {high}")
        if isinstance(value, float) and not name.endswith("_s"):
            raise _bad(name, value, f"write a whole number from {low} to {high}")


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


def as_functions(given: object) -> tuple[BeforeSend, ...]:
    """Return the functions of `before_send`, one or a list; raises ConfigurationError where they are none."""
    functions = (given,) if callable(given) else given
    if not isinstance(functions, Sequence) or not all(map(callable, functions)):
        raise _bad("before_send", given, "write a function, or a list of functions")  # noqa: EM101
    return tuple(functions)


def _check_mappings(options: Options) -> None:
    sample, categories = options.sample, options.consent_categories
    rates = list(sample.values()) if isinstance(sample, Mapping) else [] if sample is None else [sample]
    if not all(type(rate) in (int, float) and 0 <= rate <= 1 for rate in rates):
        example = JSON_EXAMPLES["sample"]
        raise _bad("sample", sample, f"write a number from 0 to 1, or numbers by event: {example}")  # noqa: EM101
    if not isinstance(categories, Mapping) or not all(isinstance(name, str) and name for name in categories.values()):
        example = JSON_EXAMPLES["consent_categories"]
        raise _bad("consent_categories", categories, f"write categories by event: {example}")  # noqa: EM101
    if not isinstance(options.super_properties, Mapping):
        # Never the value itself: what events carry may be personal data.
        example = JSON_EXAMPLES["super_properties"]
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
