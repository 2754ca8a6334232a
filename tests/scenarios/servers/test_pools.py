"""10,000 events from pools of processes whose workers are replaced: each is stored once."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.scenarios.servers.ledger import Ledger
from tests.scenarios.servers.serving import serving

METHODS = ["spawn"] if sys.platform == "win32" else ["fork", "spawn", "forkserver"]


@pytest.mark.parametrize("method", METHODS)
def test_a_pool_of_processes(method: str, ledger: Ledger, tmp_path: Path) -> None:
    """However its workers are started, they send what they tracked when they end, and nobody sends it again."""
    event, repeats = f"pool {method}", ledger.repeats()
    with serving(["pool.py", method], ledger.house, event, tmp_path) as program:
        assert program.wait() == 0, program.said()
    ledger.settle()
    assert ledger.numbers(event) == Counter(range(10_001))
    assert ledger.repeats() == repeats
