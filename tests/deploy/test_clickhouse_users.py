"""The users of collector/deploy/clickhouse on a real server: the store can do its work, the analyst only reads."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.clickhouse_server import ServerProcess
from tests.support.house import ROOT, open_house, wait_for
from trackway_collector.warehouse import Warehouse, WarehouseError, WarehouseUrl, open_warehouse

USERS = ROOT / "collector" / "deploy" / "clickhouse" / "trackway.xml"
PASSWORDS = {"store": "the/stores:own", "analyst": "the-analysts-own"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server with that file in its users.d, and the passwords in its environment."""
    directory = tmp_path_factory.mktemp("users")
    (directory / "users.d").mkdir()
    (directory / "users.d" / "trackway.xml").write_bytes(USERS.read_bytes())
    with pytest.MonkeyPatch.context() as patch:
        for name, password in PASSWORDS.items():
            patch.setenv(f"TRACKWAY_{name.upper()}_SHA256", hashlib.sha256(password.encode()).hexdigest())
        with ServerProcess(directory) as started:
            yield started


def opened(server: ServerProcess, user: str, password: str = "") -> Warehouse:
    """The database `trackway` as one of the users."""
    secret = (password or PASSWORDS[user]).replace("/", "%2F").replace(":", "%3A")
    url = f"clickhouse://trackway_{user}:{secret}@127.0.0.1:{server.http_port}/trackway"
    return open_warehouse(WarehouseUrl.parse(url))


def seen_by_analyst(server: ServerProcess) -> int:
    """How many of the events below the analyst sees; none while there is no database yet."""
    try:
        analyst = opened(server, "analyst")
        try:
            return int(analyst.query("SELECT count() FROM events WHERE startsWith(message_id, 'm-')").one())
        finally:
            analyst.close()
    except WarehouseError:
        return 0


def url_of_store(server: ServerProcess) -> str:
    """The warehouse URL as an operator writes it."""
    return f"clickhouse://trackway_store:the%2Fstores%3Aown@127.0.0.1:{server.http_port}/trackway"


def test_the_store_makes_its_tables_and_loads_and_the_analyst_reads(server: ServerProcess, tmp_path: Path) -> None:
    """A whole Trackway works as `trackway_store` from an empty server on; then `trackway_analyst` sees the events."""
    with open_house(tmp_path / "data", "--warehouse", url_of_store(server)) as house:
        events = [{"type": "track", "event": "Deployed", "userId": "ada", "messageId": f"m-{n}"} for n in range(3)]
        assert house.post(events)[0] == 200
        wait_for(lambda: seen_by_analyst(server) == 3, 60, "the events are in ClickHouse")
        assert "Not enough privileges" not in (tmp_path / "data.log").read_text()


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO trackway.events (message_id) VALUES ('x')",
        "DROP TABLE trackway.events",
        "CREATE TABLE trackway.x (x Int8) ENGINE = Memory",
        "SELECT * FROM url('http://127.0.0.1:1/', LineAsString)",
        "SELECT * FROM file('/etc/passwd', LineAsString)",
        "SELECT * FROM remote('127.0.0.1', system, one)",
        "SET max_memory_usage = 0",
        "SELECT 1 SETTINGS readonly = 0",
    ],
)
def test_the_analyst_can_do_nothing_but_read(server: ServerProcess, sql: str) -> None:
    """No writes, no other tables, no way out of the server, and no change of its own bounds."""
    analyst = opened(server, "analyst")
    try:
        with pytest.raises(WarehouseError):
            analyst.command(sql)
    finally:
        analyst.close()


def test_the_store_has_no_rights_elsewhere(server: ServerProcess) -> None:
    """Another database, users and the server itself are beyond it."""
    store = opened(server, "store")
    try:
        for sql in ("CREATE DATABASE other", "CREATE USER eve", "SYSTEM SHUTDOWN", "SELECT * FROM file('/etc/passwd')"):
            with pytest.raises(WarehouseError):
                store.command(sql)
    finally:
        store.close()


def test_a_wrong_password_is_refused(server: ServerProcess) -> None:
    """Neither user gets in without the password that the environment's hash is of."""
    for user in PASSWORDS:
        with pytest.raises(WarehouseError):
            opened(server, user, "not-it").query("SELECT 1")
