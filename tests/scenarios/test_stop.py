"""Stopping under load, in good order, in the middle of a kill, and with a disk that hangs: acked is stored."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import hanging_disk
from tests.support.clickhouse_server import ServerMissingError, ServerProcess
from tests.support.house import KEY, House, open_house, wait_for
from tests.support.load import RetryingClient
from trackway_collector.warehouse import WarehouseError

HANGING_DISK = (Path(next(iter(hanging_disk.__path__))),)


@contextlib.contextmanager
def sending(house: House, clients: int = 4) -> Iterator[list[RetryingClient]]:
    """Clients that send; afterwards they give up, with whatever was not acked."""
    threads = [RetryingClient(house, f"client-{n}", seed=n) for n in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield threads
    finally:
        for thread in threads:
            thread.give_up.set()
        for thread in threads:
            thread.join(60)


def assert_acked_is_stored_once(house: House, clients: list[RetryingClient]) -> None:
    """Every acked event is stored, and no event twice; an event whose ack got lost may be stored, too."""
    acked = {message_id for client in clients for message_id in client.acknowledged}
    assert acked

    def stored() -> set[str]:
        with contextlib.suppress(OSError, WarehouseError), house.warehouse() as warehouse:
            return {row[0] for row in warehouse.query("SELECT message_id FROM events").rows}
        return set()

    wait_for(lambda: acked <= stored(), 60, "all acked events are stored")
    assert house.value("SELECT count() = uniqExact(message_id) FROM events") == 1


def status_of(house: House, within_s: float) -> int:
    """The exit status of a house that is stopping."""
    assert house._process is not None
    status = house._process.wait(within_s)
    house._process = None
    return status


def test_stopping_under_load_loses_nothing(tmp_path: Path) -> None:
    """`/ready` says no while events are still taken; then what is in hand is committed, and all processes end well."""
    grace = {"TRACKWAY_DRAIN_GRACE_S": "2"}
    with open_house(tmp_path / "data", "--workers", "2", environment=grace) as house, sending(house) as clients:
        wait_for(lambda: all(client.acknowledged for client in clients), 30, "all have sent")
        assert house._process is not None
        house._process.terminate()
        wait_for(lambda: house.get("/ready")[0] == 503, 10, "not ready any more")
        assert "stopping" in house.get("/ready")[1]
        assert house.post([{"type": "track", "event": "late", "userId": "lina", "messageId": "late"}])[0] == 200
        assert status_of(house, 60) == 0
        for client in clients:
            client.give_up.set()
            client.join(30)
        house.start()
        assert_acked_is_stored_once(house, clients)
        assert house.value("SELECT count() FROM events WHERE message_id = 'late'") == 1


@pytest.mark.parametrize("seed", range(3))
def test_killed_while_stopping(tmp_path: Path, seed: int) -> None:
    """A house that is killed in the middle of its orderly stop has lost nothing that it acked."""
    dice = random.Random(seed)
    with open_house(tmp_path / "data", "--workers", "2") as house, sending(house) as clients:
        wait_for(lambda: all(client.acknowledged for client in clients), 30, "all have sent")
        assert house._process is not None
        house._process.terminate()
        time.sleep(dice.uniform(0, 0.6))
        with contextlib.suppress(ProcessLookupError):
            os.killpg(house._process.pid, signal.SIGKILL)
        house._process.wait()
        for client in clients:
            client.give_up.set()
            client.join(30)
        house.start()
        assert_acked_is_stored_once(house, clients)


def test_a_slow_client_does_not_hold_up_the_end(tmp_path: Path) -> None:
    """A request that never comes whole is dropped at the end, unacked; the house stops well."""
    head = f"POST /v1/batch?writeKey={KEY} HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\n{{"
    with (
        open_house(tmp_path / "data", environment={"TRACKWAY_STOP_TIMEOUT_S": "6"}) as house,
        socket.create_connection(("127.0.0.1", house.port)) as slow,
    ):
        slow.sendall(head.encode())
        assert house.post([{"type": "track", "event": "knocked", "userId": "lina"}])[0] == 200
        assert house.stop() == 0


def test_a_disk_that_hangs_is_told_and_left_at_the_deadline(tmp_path: Path) -> None:
    """`/ready` says no, nothing is acked, and the worker leaves at its deadline with status 4, saying what is left."""
    hang = tmp_path / "hang"
    variables = {"TRACKWAY_TEST_HANG": str(hang), "TRACKWAY_STOP_TIMEOUT_S": "4"}
    with open_house(tmp_path / "data", environment=variables, packages=HANGING_DISK) as house:
        assert house.post([{"type": "track", "event": "knocked", "userId": "lina", "messageId": "before"}])[0] == 200
        wait_for(lambda: house.value("SELECT count() FROM events") == 1, 30, "it is stored")
        hang.touch()
        with pytest.raises(OSError, match="timed out"):
            house.post([{"type": "track", "event": "knocked", "userId": "lina"}], timeout_s=1)
        wait_for(lambda: house.get("/ready")[0] == 503, 30, "not ready")
        assert "has not ended" in house.get("/ready")[1]
        assert house._process is not None
        house._process.terminate()
        assert status_of(house, 60) == 4
        assert "not stopped within 4 s" in (tmp_path / "data.log").read_text()
        hang.unlink()
        house.start()
        assert house.post([{"type": "track", "event": "knocked", "userId": "lina", "messageId": "after"}])[0] == 200
        wait_for(lambda: house.value("SELECT countIf(message_id = 'after') FROM events") == 1, 30, "it goes on")


def test_a_store_whose_warehouse_hangs_leaves_at_its_deadline(tmp_path: Path) -> None:
    """With ClickHouse frozen in the middle of an insert the store leaves at the deadline; the next start settles it."""
    try:
        server = ServerProcess(tmp_path / "clickhouse")
        server.start()
    except ServerMissingError as error:
        pytest.skip(f"no ClickHouse server: {error}")
    url = server.url.replace("/default", "/trackway")
    try:
        with (
            open_house(tmp_path / "data", "--warehouse", url, environment={"TRACKWAY_STOP_TIMEOUT_S": "3"}) as house,
            sending(house) as clients,
        ):
            wait_for(lambda: bool(house.value("SELECT count() FROM events")), 60, "the first are stored")
            assert server.process is not None
            server.process.send_signal(signal.SIGSTOP)
            time.sleep(1)
            for client in clients:
                client.give_up.set()
                client.join(30)
            assert house._process is not None
            house._process.terminate()
            assert status_of(house, 60) == 4
            assert "the next start settles it" in (tmp_path / "data.log").read_text()
            server.process.send_signal(signal.SIGCONT)
            house.start()
            assert_acked_is_stored_once(house, clients)
            assert house.stop() == 0
    finally:
        server.stop()
