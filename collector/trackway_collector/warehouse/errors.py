"""
What can go wrong with the warehouse.

```
WarehouseError                 .code and .name are ClickHouse's, None when it gave no answer
├─ Transient                   try again: the same bytes may go through later
│  ├─ UnreachableError         nobody answers at the address
│  └─ EngineBusyError          another process, or another directory in this one, holds the embedded engine
└─ Terminal                    trying again cannot help: this block, or this query, is wrong
   ├─ WarehouseUrlError        the URL says something Trackway does not know
   └─ MigrationError           the tables are not what this version may touch
```

The loader acts on the two marks alone: `Transient` blocks are retried for ever, `Terminal` blocks are
bisected down to the row that ClickHouse cannot store. So for an insert every code that is not known to be
about the data is `Transient`: waiting on a full disk, a missing table or a code from the future loses
nothing, quarantine by mistake would. A query has no such care; there only codes that time can cure are
`Transient`.
"""

from __future__ import annotations

import re

# Codes with which ClickHouse says that these very rows cannot be stored. (Names: `SELECT
# errorCodeToName(27)`.)
DATA_ERRORS: dict[int, str] = {
    6: "CANNOT_PARSE_TEXT",
    25: "CANNOT_PARSE_ESCAPE_SEQUENCE",
    26: "CANNOT_PARSE_QUOTED_STRING",
    27: "CANNOT_PARSE_INPUT_ASSERTION_FAILED",
    38: "CANNOT_PARSE_DATE",
    41: "CANNOT_PARSE_DATETIME",
    53: "TYPE_MISMATCH",
    69: "ARGUMENT_OUT_OF_BOUND",
    70: "CANNOT_CONVERT_TYPE",
    72: "CANNOT_PARSE_NUMBER",
    117: "INCORRECT_DATA",
    128: "TOO_LARGE_ARRAY_SIZE",
    130: "CANNOT_READ_ARRAY_FROM_TEXT",
    131: "TOO_LARGE_STRING_SIZE",
    190: "SIZES_OF_ARRAYS_DONT_MATCH",
    306: "TOO_DEEP_RECURSION",
    321: "VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE",
    349: "CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN",
    376: "CANNOT_PARSE_UUID",
    407: "DECIMAL_OVERFLOW",
    467: "CANNOT_PARSE_BOOL",
    469: "VIOLATED_CONSTRAINT",
    675: "CANNOT_PARSE_IPV4",
    676: "CANNOT_PARSE_IPV6",
}

# Codes of a query that may well succeed when it is asked again.
PASSING_ERRORS: dict[int, str] = {
    3: "UNEXPECTED_END_OF_FILE",
    32: "ATTEMPT_TO_READ_AFTER_EOF",
    159: "TIMEOUT_EXCEEDED",
    164: "READONLY",
    198: "DNS_ERROR",
    202: "TOO_MANY_SIMULTANEOUS_QUERIES",
    203: "NO_FREE_CONNECTION",
    209: "SOCKET_TIMEOUT",
    210: "NETWORK_ERROR",
    236: "ABORTED",
    241: "MEMORY_LIMIT_EXCEEDED",
    242: "TABLE_IS_READ_ONLY",
    243: "NOT_ENOUGH_SPACE",
    252: "TOO_MANY_PARTS",
    279: "ALL_CONNECTION_TRIES_FAILED",
    319: "UNKNOWN_STATUS_OF_INSERT",
    394: "QUERY_WAS_CANCELLED",
    425: "SYSTEM_ERROR",
    439: "CANNOT_SCHEDULE_TASK",
    473: "DEADLOCK_AVOIDED",
    999: "KEEPER_EXCEPTION",
}


class WarehouseError(Exception):
    """
    Anything the warehouse reports. `code` (27) and `name` ("CANNOT_PARSE_…") are ClickHouse's, if it
    answered.
    """

    def __init__(self, message: str, *, code: int | None = None, name: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.name = name


class Transient(WarehouseError):
    """Try again later. After an insert the outcome is unknown: the rows may be in the table or not."""


class Terminal(WarehouseError):
    """Trying again cannot help."""


class UnreachableError(Transient):
    """Nobody answers at the warehouse's address, or what answers does not let us in."""


class EngineBusyError(Transient):
    """The embedded engine cannot open the directory, because it is in use."""


class WarehouseUrlError(Terminal, ValueError):
    """The warehouse URL cannot be understood; the message says which part and what is known."""


class MigrationError(Terminal):
    """The warehouse's tables do not follow from the migrations of this version."""


_CODE = re.compile(r"Code: (\d+)\.")
# "Code: 43. DB::Exception: … (ILLEGAL_TYPE_OF_ARGUMENT) (version 26.9.2.1)"; the last such name is the
# outermost error's.
_NAME = re.compile(r"\(([A-Z][A-Z0-9_]{3,})\)")
_TRAILER = re.compile(r"\s*\(version [0-9.]+[^)]*\)\s*(\(for url [^)]*\))?\s*$")


def from_engine_text(text: str, *, inserting: bool = False) -> Transient | Terminal:
    """The error that ClickHouse's own text describes, with its mark, code and name."""
    # Whoever passed the text on wrote something before and after it.
    start = text.find("Code: ")
    message = _TRAILER.sub("", text[max(start, 0) :]).strip()
    code = int(found[1]) if (found := _CODE.search(message)) else None
    name = names[-1] if (names := _NAME.findall(message)) else None
    if inserting:
        # A column that the table lacks is no fault of the rows: the table is behind, and a migration mends
        # that.
        terminal = code in DATA_ERRORS and "Unknown field found" not in message
    else:
        terminal = code is not None and code not in PASSING_ERRORS
    kind = Terminal if terminal else Transient
    return kind(message, code=code, name=name)
