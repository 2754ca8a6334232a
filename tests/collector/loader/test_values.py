"""Which values enter a typed path, and which are set aside."""

from __future__ import annotations

from typing import Any

import pytest

from trackway_collector.loader.values import fits_for, shape

TYPES = {
    "n": "Nullable(Int64)",
    "x": "Nullable(Float64)",
    "t": "LowCardinality(Nullable(String))",
    "b": "Nullable(Bool)",
    "d": "Nullable(Decimal(38, 9))",
    "at": "Nullable(DateTime64(6, 'UTC'))",
    "on": "Nullable(Date32)",
    "a%2Eb": "Nullable(Int64)",
}


@pytest.mark.parametrize(
    ("name", "value", "stored"),
    [
        ("n", 5, 5),
        ("n", 5.0, 5),
        ("n", -(2**63), -(2**63)),
        ("x", 1, 1),
        ("x", 1.5, 1.5),
        ("t", "漢字", "漢字"),
        ("b", True, True),
        ("d", "12.500000001", "12.500000001"),
        ("at", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"),
        ("on", "2026-02-28", "2026-02-28"),
        ("other", 2**64 - 1, 2**64 - 1),
        ("other", {"deep": [1, {"er": None}]}, {"deep": [1, {"er": None}]}),
    ],
)
def test_what_fits_is_stored(name: str, value: Any, stored: Any) -> None:
    """A value of its path's type is stored as it is; a whole float in an integer path as the integer it is."""
    shaped, misfits = shape({name: value}, fits_for(TYPES))

    assert ({name: stored}, {}) == (shaped, misfits)
    assert type(stored) is type(shaped[name])


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("n", 1.5, "1.5"),
        ("n", True, "true"),
        ("n", "5", '"5"'),
        ("n", 2**63, str(2**63)),
        ("x", 2**53 + 1, str(2**53 + 1)),
        ("x", "1.5", '"1.5"'),
        ("t", 5, "5"),
        ("b", 1, "1"),
        ("d", "1.0000000001", '"1.0000000001"'),
        ("d", 12.5, "12.5"),
        ("d", "NaN", '"NaN"'),
        ("at", "soon", '"soon"'),
        ("at", 1_700_000_000, "1700000000"),
        ("on", "2026-02-30", '"2026-02-30"'),
        ("a.b", "one", '"one"'),
        ("other", 2**64, str(2**64)),
        ("other", [2**70], f"[{2**70}]"),
    ],
)
def test_what_does_not_fit_is_kept_as_text(name: str, value: Any, text: str) -> None:
    """A value that its path could not give back unchanged is a misfit, as the JSON text it was."""
    assert ({}, {name: text}) == shape({name: value}, fits_for(TYPES))


def test_null_is_absent() -> None:
    """A null property is neither stored nor a misfit."""
    assert ({}, {}) == shape({"n": None, "other": None}, fits_for(TYPES))
