"""The decoder holds its own against what has ever been found, and against some inputs made by chance."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz.__main__ import CORPUS, by_chance
from tests.fuzz.target import examine


@pytest.mark.parametrize("path", sorted(CORPUS.iterdir()), ids=lambda path: path.name)
def test_what_was_found_once_does_no_harm(path: Path) -> None:
    """Every input of the corpus is refused by name, or becomes rows."""
    examine(path.read_bytes())


def test_inputs_by_chance_do_no_harm(tmp_path: Path) -> None:
    """Some seconds of random changes to the corpus find nothing; the seed differs from run to run and is printed."""
    import time

    seed = time.time_ns()
    print(f"seed {seed}")
    assert by_chance(5, tmp_path, examine, seed) > 0
