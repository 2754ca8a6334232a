"""
The columns of the `events` table that a question may name; any other name is a property.

A property that has a column's name is meant by `properties.<name>`, a column by `context.<name>` too. Columns whose
names properties often have, too (`country`, `channel` …), are only meant that way, so a question about a property stays
one.
"""

from __future__ import annotations

from typing import Literal

ColumnKind = Literal["text", "number", "time"]

_TEXT = """
source environment type event name message_id person_id user_id anonymous_id previous_id group_id session_id verdict
library_name library_version page_url page_path page_title page_referrer page_search campaign_source
campaign_medium campaign_name campaign_term campaign_content user_agent locale timezone device_type
device_manufacturer device_model device_id os_name os_version app_name app_version bot browser_name browser_version
referrer_name click_id_kind click_id
"""
COLUMNS: dict[str, ColumnKind] = {
    **dict.fromkeys(_TEXT.split(), "text"),
    **dict.fromkeys(("plan_rev", "validated_rev", "screen_width", "screen_height"), "number"),
    **dict.fromkeys(("timestamp", "received_at"), "time"),
}
ONLY_IN_CONTEXT = ("channel", "country", "region", "city")
"""Columns that are named `context.channel` and so on, and not by their name alone."""


def column_named(name: str) -> tuple[str, ColumnKind] | None:
    """Return the column that a name in a question means, and of what kind it is; None for a property."""
    bare = name.removeprefix("context.")
    if bare in ONLY_IN_CONTEXT:
        return None if bare == name else (bare, "text")
    kind = COLUMNS.get(bare)
    return None if kind is None else (bare, kind)
