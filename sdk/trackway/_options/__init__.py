"""
The settings of a tracker: one frozen `Options`, from arguments over environment over defaults; what is wrong raises at
once and says where it was.
"""

from trackway._options.checks import MAX_SHOWN, MIN_HASH_KEY_CHARS
from trackway._options.kinds import (
    DEFAULT_HOST,
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
from trackway._options.options import Options, Tuning
from trackway._options.sources import came_from, set_default_policy

__all__ = [
    "DEFAULT_HOST",
    "ENVELOPE_BYTES",
    "MAX_BATCH_BYTES",
    "MAX_BATCH_EVENTS",
    "MAX_EVENT_BYTES",
    "MAX_SHOWN",
    "MIN_HASH_KEY_CHARS",
    "BeforeSend",
    "Compression",
    "ConsentDefault",
    "OnViolation",
    "Options",
    "Overflow",
    "Tuning",
    "came_from",
    "set_default_policy",
]
