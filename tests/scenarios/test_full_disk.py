"""A disk that is really full: 503 at once, nothing acked that is not stored, and back by itself."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pytest

from tests.soak.faults import small_disk
from tests.support.house import free_port, open_house, wait_for
from tests.support.metrics import total

EVENT = {"type": "track", "event": "knocked", "userId": "lina"}


def filled(path: Path, leave_mib: int = 0) -> None:
    """Take what the disk has left, but for so many MiB."""
    found = os.statvfs(path.parent)
    take = found.f_bavail * found.f_frsize - leave_mib * 1024**2
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while take > 0:
            take -= file.write(b"\0" * min(take, 1024**2))
        if not leave_mib:
            while True:  # what the others let go of meanwhile
                file.write(b"\0" * 4096)


@pytest.mark.parametrize(("soft", "hard"), [("100", "50"), ("0", "0")])
def test_a_full_disk_refuses_and_comes_back(tmp_path: Path, soft: str, hard: str) -> None:
    """With the watermarks and without them, when only the disk itself says no."""
    marks = {"TRACKWAY_SOFT_FREE_MIB": soft, "TRACKWAY_HARD_FREE_MIB": hard}
    port = free_port()  # nobody listens: what is accepted waits in the spool
    away = f"clickhouse://nobody:x@127.0.0.1:{port}/trackway"
    try:
        disk = contextlib.ExitStack()
        path = disk.enter_context(small_disk(tmp_path / "disk", 400))
    except OSError as error:
        pytest.skip(str(error))
    with disk, open_house(path / "data", "--warehouse", away, environment=marks) as house:
        acked = 0
        answers: list[tuple[int, str]] = []
        for filling in (None, path / "filler", None):
            if filling is not None:
                filled(filling)
                wait_for(lambda: house.get("/ready")[0] == 503, 30, "not ready")
            for number in range(5):
                status, answer, _ = house.post([{**EVENT, "messageId": f"m-{len(answers)}-{number}"}])
                answers.append((status, answer.get("code", "")))
                acked += status == 200
            if filling is not None:
                assert len(list((house.spool_dir / "w0").glob("*.seg"))) <= 2, "no empty files are left"
                filling.unlink()
                wait_for(lambda: house.get("/ready")[0] == 200, 30, "ready again by itself")
        assert [status for status, _ in answers] == [200] * 5 + [503] * 5 + [200] * 5
        # Without watermarks the first to know may be the write itself.
        codes = {code for status, code in answers if status == 503}
        assert codes <= ({"disk_full", "spool_unavailable"} if hard == "0" else {"disk_full"})
        assert acked == 10
        assert total(house, "trackway_events_total") == 10


def test_a_filling_disk_asks_to_come_later(tmp_path: Path) -> None:
    """Between the watermarks imports get 429 and a time, and `/ready` says yes."""
    away = f"clickhouse://nobody:x@127.0.0.1:{free_port()}/trackway"
    try:
        disk = contextlib.ExitStack()
        path = disk.enter_context(small_disk(tmp_path / "disk", 400))
    except OSError as error:
        pytest.skip(str(error))
    marks = {"TRACKWAY_SOFT_FREE_MIB": "300", "TRACKWAY_HARD_FREE_MIB": "10"}
    with disk, open_house(path / "data", "--warehouse", away, environment=marks) as house:
        filled(path / "filler", leave_mib=280)
        wait_for(lambda: total(house, "trackway_disk_pressure") > 0, 30, "the pressure is seen")
        status, answer, headers = house.post([EVENT], path="/v1/import")
        assert (status, answer["code"]) == (429, "disk_filling")
        assert 1 <= int(headers["Retry-After"]) <= 300
        assert house.get("/ready")[0] == 200
