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
_MICROS = "toUInt64(toUnixTimestamp64Micro(timestamp) + 2208988800000001)"


def timelines(
    unit: Unit, *, mark: str, where: str = "1", exact: bool, value: str = "''", every_event: bool = False
) -> str:
    """
    Return a subquery with one row per unit: `at` and `mark` (Array(UInt64)), `value` (array), `ambiguous` (0 or 1).

    Args:
        mark: SQL of a UInt64 that says what the event is to the question; events with 0 are nothing to it and may be
            left out of the arrays, but their unit still has a row.
        where: SQL that is 1 for the events to look at.
        value: SQL of one more value to carry; needs `exact`.
        every_event: keep events with mark 0 too.
    """
    if exact:
        element = f"({_MICROS}, message_id, toUInt64(event_mark), event_value)"
        parts = {"at": "x.1", "mark": "x.3", "value": "x.4", "ambiguous": "0"}
    else:
        element = f"bitShiftLeft({_MICROS}, {MARK_BITS}) + event_mark"
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
    keep = "event_mark != 0" if unit == "user" else "event_mark != 0 OR session_id = ''"
    gather = f"groupArray({element})" if every_event else f"groupArrayIf({element}, {keep})"
    name = "timelines_by_user" if unit == "user" else "timelines_by_session"
    pieces = {
        **parts,
        "gather": f"arraySort({gather})",
        "event_mark": mark,
        "event_value": value,
        "filter": where,
    }
    return subquery(name, pieces)
