"""
Each unit's events, in order: what funnels, paths and attribution are counted on.

The order is (timestamp, message_id). Sorting strings costs three times as much as sorting numbers, and two events of
one unit at the same microsecond are rare, so there are two ways to gather a timeline, with the same answer:

* *packed*: `microseconds since 1900 << 10 | mark` in one UInt64. Where events of one time have different marks their
  order is not known; the query counts such units as `ambiguous`.
* *exact*: tuples (microseconds, message_id, mark, value). For ambiguous data, marks above 1023, or when a value of the
  event (a breakdown, an amount) is needed.

The packed way is tried first; if it reports an ambiguous unit, its numbers are thrown away and the exact way is taken.
"""

from __future__ import annotations

from typing import Literal

from trackway_analytics.queries.fragments import subquery

Unit = Literal["user", "session"]

MARK_BITS = 10
MAX_PACKED_MARK = (1 << MARK_BITS) - 1
# Between 1900 (the earliest DateTime64) and 1970; plus 1, so that no event is at 0.
MICROS = "toUInt64(toUnixTimestamp64Micro(timestamp) + 2208988800000001)"
EPOCH_MICROS = 2_208_988_800_000_001


def timelines(unit: Unit, *, mark: str, keep: str, exact: bool, value: str = "''") -> str:
    """
    Return a subquery with one row per unit: `at` and `mark` (Array(UInt64)), `value` (array), `ambiguous` (0 or 1).

    Args:
        mark: SQL of a UInt64 that says what the event is to the question; 0 is nothing.
        keep: SQL; events for which it is 0 are left out of the arrays, but their unit still has a row.
        value: SQL of one more value to carry; needs `exact`.
    """
    if exact:
        gather = f"arraySort(groupArrayIf(({MICROS}, message_id, toUInt64({mark}), {value}), __keep__))"
        parts = {"at": "x.1", "mark": "x.3", "value": "x.4", "ambiguous": "0"}
    else:
        gather = f"arraySort(groupArrayIf(bitShiftLeft({MICROS}, {MARK_BITS}) + {mark}, __keep__))"
        parts = {
            "at": f"bitShiftRight(x, {MARK_BITS})",
            "mark": f"bitAnd(x, {MAX_PACKED_MARK})",
            "value": "''",
            # Same time as the element before (the difference stays within the mark), another mark, neither of them 0.
            "ambiguous": (
                f"arrayExists((x, d) -> d > 0 AND d < bitAnd(x, {MAX_PACKED_MARK}), gathered, arrayDifference(gathered))"
            ),
        }
    # A gap can only be seen when every event of the person is there.
    kept = keep if unit == "user" else f"({keep} OR session_id = '')"
    return subquery(
        "timelines_by_user" if unit == "user" else "timelines_by_session",
        {**parts, "gather": gather.replace("__keep__", kept)},
    )
