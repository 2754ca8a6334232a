"""
Which events the code sends, read from its syntax, and how that agrees with plan, data and definitions.

    files ─ python_scan | script_scan ─▶ Call (event, properties, place) ─ judge ─▶ findings
                                              └─ table (plan × code × data × definitions) ─▶ rows

Nothing is run or imported. What cannot be read from the syntax is said to be dynamic, never guessed.
"""

from .calls import UNKNOWN, Call, Scan
from .judge import judge
from .scan import scan
from .table import Row, table

__all__ = ["UNKNOWN", "Call", "Row", "Scan", "judge", "scan", "table"]
