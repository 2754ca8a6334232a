"""docs/plan_rules.md: every rule of the catalogue, documented from the catalogue itself."""

from __future__ import annotations

import os
from pathlib import Path

from trackway_plan.breaking import RULES
from trackway_plan.breaking.document import rules_page

PAGE = Path(__file__).parents[2] / "docs" / "plan_rules.md"


def test_the_page_of_rules_is_the_catalogue() -> None:
    """docs/plan_rules.md is what the catalogue says today."""
    if os.environ.get("TRACKWAY_UPDATE_GOLDEN"):
        PAGE.write_text(rules_page(), encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == rules_page()


def test_every_rule_is_on_the_page_once() -> None:
    """Each rule has one row in one table."""
    page = rules_page()
    assert [name for name in RULES if page.count(f"| `{name}` |") != 1] == []
