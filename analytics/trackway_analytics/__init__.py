"""
Questions about events: funnel, paths, retention, attribution.

```python
import trackway_analytics as ta

events = ta.connect()  # the local store, or a warehouse URL
answer = events.funnel("cart", ta.step("purchase", where="price > 10"), within="7d", entry="first")
answer.df, answer.figure(), answer.sql, answer.semantics
```
"""

from __future__ import annotations

from trackway_analytics.answer import Answer
from trackway_analytics.errors import AnalyticsError, InputFileError, QuestionError, WhereError
from trackway_analytics.events import Events, connect
from trackway_analytics.queries.attribution import Attribution
from trackway_analytics.queries.funnel import Funnel
from trackway_analytics.queries.paths import Paths
from trackway_analytics.queries.retention import Retention
from trackway_analytics.steps import Step, step

__all__ = [
    "AnalyticsError",
    "Answer",
    "Attribution",
    "Events",
    "Funnel",
    "InputFileError",
    "Paths",
    "QuestionError",
    "Retention",
    "Step",
    "WhereError",
    "connect",
    "step",
]
