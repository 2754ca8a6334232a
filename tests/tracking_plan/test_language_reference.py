"""tracking_plan/README.md leaves out nothing of the language."""

from __future__ import annotations

from pathlib import Path

import pytest

from trackway_plan.loading.property import COMMON, CONSTRAINTS
from trackway_plan.model import DEFAULT_POLICY, KINDS, PII_CLASSES, STATUSES, STORES, EventSpec
from trackway_plan.verdict.formats import FORMATS

REFERENCE = (Path(__file__).parents[2] / "tracking_plan" / "README.md").read_text(encoding="utf-8")
WORDS = {
    *KINDS,
    *COMMON,
    *(key for keys in CONSTRAINTS.values() for key in keys),
    *PII_CLASSES,
    *STATUSES,
    *STORES,
    *FORMATS,
    *DEFAULT_POLICY,
    *(key for key in EventSpec.__struct_fields__ if key not in ("name", "area")),
}


@pytest.mark.parametrize("word", sorted(WORDS))
def test_every_word_of_the_language_is_explained(word: str) -> None:
    """Each kind, key, class, status, format and violation code stands in the reference."""
    assert word in REFERENCE


def test_the_defaults_are_those_of_the_reference() -> None:
    """Each line of the table of violations states the action the validator takes."""
    for line in REFERENCE.splitlines():
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        for code in (cell.strip(" `") for cell in (cells[0].split(",") if len(cells) == 3 else ())):
            if code in DEFAULT_POLICY:
                assert cells[1] == DEFAULT_POLICY[code]
