"""
What a change of the plan breaks, for whom, and how badly.

    changes (diff) ─▶ context (sunsets, notice, reused names, the gate itself) ─▶ catalogue ─▶ Finding an audience
                                                                                      evidence, definitions ┘
    accepted.yaml takes findings out of the count, and its entries are looked at too.
"""

from __future__ import annotations

from .catalogue import RULES
from .judge import findings
from .rules import Rule

__all__ = ["RULES", "Rule", "findings"]
