"""
The columns of the `events` table that a question may name; any other name is a property.

A property that has a column's name is meant by `properties.<name>`.
"""

from __future__ import annotations

from typing import Literal

ColumnKind = Literal["text", "number", "time"]

_TEXT = """
source environment type event name message_id person_id user_id anonymous_id previous_id group_id session_id verdict
library_name library_version page_url page_path page_title page_referrer page_search campaign_source
campaign_medium campaign_name campaign_term campaign_content user_agent locale timezone device_type
device_manufacturer device_model device_id os_name os_version app_name app_version
"""
COLUMNS: dict[str, ColumnKind] = {
    **dict.fromkeys(_TEXT.split(), "text"),
    **dict.fromkeys(("plan_rev", "validated_rev", "screen_width", "screen_height"), "number"),
    **dict.fromkeys(("timestamp", "received_at"), "time"),
}
