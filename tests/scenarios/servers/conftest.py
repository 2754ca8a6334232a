from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.scenarios.servers.ledger import Ledger
from tests.support.house import open_house


@pytest.fixture(scope="session")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    """The ledger of a house that stands until the tests end."""
    with open_house(tmp_path_factory.mktemp("house") / "data") as house:
        yield Ledger(house)
        house.stop()
