"""The settings that a client of the query port may send, and those that every query gets."""

from __future__ import annotations

import re
from collections.abc import Mapping

from trackway_collector.query_port.guard import RefusedError

# They change how much a query may take and how its result is written, never what it may touch. Not among
# them: format_schema*, format_template* and output_format_schema, which name files.
_ALLOWED = re.compile(
    r"max_threads|max_block_size|max_execution_time|max_result_rows|max_result_bytes|result_overflow_mode"
    r"|max_rows_to_read|max_bytes_to_read|read_overflow_mode|max_rows_to_group_by|group_by_overflow_mode"
    r"|max_memory_usage|max_bytes_before_external_group_by|max_bytes_before_external_sort|max_columns_to_read"
    r"|timeout_overflow_mode|limit|offset|extremes|join_use_nulls|join_algorithm|final|session_timezone|log_comment"
    r"|union_default_mode|transform_null_in|aggregate_functions_null_for_empty"
    r"|empty_result_for_aggregation_by_empty_set|prefer_column_name_to_alias|group_by_use_nulls|cast_keep_nullable"
    r"|date_time_output_format|json_type_escape_dots_in_keys|enable_funnel_functions"
    r"|allow_experimental_funnel_functions|allow_suspicious_types_in_group_by|allow_suspicious_types_in_order_by"
    r"|allow_suspicious_low_cardinality_types|optimize_[a-z_]+|format_csv_delimiter|bool_true_representation"
    r"|bool_false_representation|output_format_(?!schema)[a-z0-9_]+"
)

# They steer HTTP or the session, have no meaning here, and are sent by well-meaning clients.
IGNORED = frozenset(
    {
        "add_http_cors_header",
        "buffer_size",
        "cancel_http_readonly_queries_on_client_close",
        "client_protocol_version",
        "connect_timeout",
        "http_headers_progress_interval_ms",
        "http_receive_timeout",
        "http_send_timeout",
        "http_write_exception_in_output_format",
        "quota_key",
        "receive_timeout",
        "role",
        "send_progress_in_http_headers",
        "send_timeout",
        "session_check",
        "session_id",
        "session_timeout",
        "wait_end_of_query",
    }
)

# Every query, before the client's settings: an introspection function reads the program's memory map, and the
# rest closes ways around the guard.
BASE: dict[str, str | int | float] = {
    "implicit_select": 0,
    "allow_introspection_functions": 0,
    "allow_ddl": 0,
    "max_ast_depth": 500,
    "max_query_size": 1 << 20,
    # Time that has passed ends a query, not an estimate of the time it may take.
    "timeout_before_checking_execution_speed": 0,
    "result_overflow_mode": "throw",
}


def accepted(sent: Mapping[str, str], *, max_execution_s: float, max_memory_bytes: int) -> dict[str, str | int | float]:
    """
    The settings for a query: the port's own, the client's where allowed, and its limits cut to the port's.

    Raises:
        RefusedError: a setting that is not allowed, by name.
    """
    settings: dict[str, str | int | float] = dict(BASE)
    for name, value in sent.items():
        if name in IGNORED or (name == "readonly" and value == "1"):
            continue
        if not _ALLOWED.fullmatch(name):
            message = f"Cannot modify '{name}' setting in readonly mode"
            raise RefusedError(message)
        settings[name] = value
    # Never so little that the engine rounds it to 0, its word for "no limit".
    settings["max_execution_time"] = max(0.001, _at_most(settings.get("max_execution_time"), max_execution_s))
    settings["max_memory_usage"] = max(1, int(_at_most(settings.get("max_memory_usage"), max_memory_bytes)))
    return settings


def _at_most(asked: str | int | float | None, limit: float) -> float:
    try:
        number = float(asked or 0)
    except ValueError:
        number = 0.0
    # ClickHouse's 0 means without limit.
    return min(number, limit) if number > 0 else limit
