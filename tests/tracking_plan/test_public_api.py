"""The names `trackway_plan` offers are complete and sorted."""

from __future__ import annotations

import trackway_plan


def test_all_is_sorted_and_every_name_is_there() -> None:
    """`__all__` is in order and each name in it can be had, the lazily imported ones too."""
    assert trackway_plan.__all__ == sorted(trackway_plan.__all__)
    assert [name for name in trackway_plan.__all__ if not hasattr(trackway_plan, name)] == []
