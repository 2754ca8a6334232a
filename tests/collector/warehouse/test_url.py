"""Warehouse URLs."""

from __future__ import annotations

import socket
from base64 import b64encode
from pathlib import Path

import pytest

from trackway_collector.warehouse import UnreachableError, WarehouseUrl, WarehouseUrlError, open_warehouse


def test_a_server_url_is_taken_apart() -> None:
    """User, password, host, port, database and options each find their place; percent-encoding is undone."""
    url = WarehouseUrl.parse("clickhouse://loader:p%40ss%2Fword@db.example:9440/shop?secure=1&query_timeout_s=30")
    assert (url.user, url.password, url.host, url.port, url.database) == (
        "loader", "p@ss/word", "db.example", 9440, "shop",
    )  # fmt: skip
    assert url.secure
    assert url.query_timeout_s == 30


def test_defaults_are_those_of_clickhouse() -> None:
    """Port 8123, or 8443 when secure, user `default`, no password, database `trackway`."""
    url = WarehouseUrl.parse("clickhouse://db.example")
    assert (url.user, url.password, url.port, url.database) == ("default", "", 8123, "trackway")
    assert WarehouseUrl.parse("clickhouse://db.example?secure=1").port == 8443


@pytest.mark.parametrize(
    ("text", "directory"),
    [
        ("chdb:///var/lib/trackway", Path("/var/lib/trackway")),
        ("chdb://data/chdb", Path("data/chdb").absolute()),
        ("chdb:data/chdb", Path("data/chdb").absolute()),
        ("chdb:///with%20space", Path("/with space")),
    ],
)
def test_a_chdb_url_names_a_directory(text: str, directory: Path) -> None:
    """Three slashes start an absolute path; fewer, one from the current directory."""
    assert WarehouseUrl.parse(text).path == directory


def test_a_password_is_never_printed() -> None:
    """Neither repr nor str nor an error shows it."""
    url = WarehouseUrl.parse("clickhouse://loader:hunter%2F2@127.0.0.1:1/shop")
    assert "hunter" not in repr(url)
    assert str(url) == "clickhouse://loader:***@127.0.0.1:1/shop"
    login = b64encode(b"loader:hunter/2").decode()
    told = f"http://loader:hunter%2F2@127.0.0.1:1, loader:hunter/2@127.0.0.1, password=hunter/2, Basic {login}"
    assert url.redact(told) == "http://loader:***@127.0.0.1:1, loader:***@127.0.0.1, password=***, Basic ***"
    warehouse = open_warehouse(url)
    assert "hunter" not in repr(warehouse)
    with pytest.raises(UnreachableError) as raised:
        warehouse.query("SELECT 1")
    assert "hunter" not in str(raised.value)
    assert "clickhouse://loader:***@127.0.0.1:1/shop: no answer" in str(raised.value)


def test_a_short_password_hides_no_other_words() -> None:
    """It is masked where a login stands and nowhere else, whatever letters it has in common with the message."""
    url = WarehouseUrl.parse("clickhouse://loader:a@127.0.0.1:1/shop")

    assert url.redact("a table of a:a, at http://loader:a@127.0.0.1:1/a") == (
        "a table of a:a, at http://loader:***@127.0.0.1:1/a"
    )


@pytest.mark.parametrize(
    ("address", "cause"),
    [
        ("127.0.0.1:1", "connection refused"),
        ("no-such-host.invalid:8123", "this name has no address"),
        ("127.0.0.1:{silent}", "no word within 1 s"),
    ],
)
def test_no_answer_is_one_cause_one_address_and_what_to_do(address: str, cause: str) -> None:
    """No HTTP library's inner life: who did not answer, why, and how to mend it."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = address.format(silent=silent.getsockname()[1])
        warehouse = open_warehouse(f"clickhouse://loader:a@{address}/shop?query_timeout_s=0.5&connect_timeout_s=0.5")

        with pytest.raises(UnreachableError) as raised:
            warehouse.query("SELECT 1")

    assert str(raised.value) == (
        f"clickhouse://loader:***@{address}/shop: no answer from {address}: {cause}.\n"
        "  Is ClickHouse running there? Start it, or name another place: --warehouse or TRACKWAY_WAREHOUSE."
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("postgres://x/y", "scheme `postgres` is not known"),
        ("/var/lib/trackway", "there is no scheme"),
        ("chdb://", "names no directory"),
        ("clickhouse:///shop", "names no host"),
        ("clickhouse://h/shop?sekure=1", "option `sekure` is not known to `clickhouse`. Known: secure,"),
        ("clickhouse://h/shop?secure=yes", "`secure=yes` is neither 1 nor 0"),
        ("clickhouse://h/shop?query_timeout_s=soon", "`query_timeout_s=soon` is not a number of seconds"),
        ("clickhouse://h/my-shop", "database `my-shop` must be letters, digits and `_`"),
        ("clickhouse://u:pa/ss@h/shop", "percent-encode"),
    ],
)
def test_a_wrong_url_says_what_and_how_to_mend(text: str, says: str) -> None:
    """Each message names the part that is wrong; a password that was not percent-encoded does not appear."""
    with pytest.raises(WarehouseUrlError) as raised:
        WarehouseUrl.parse(text)
    assert says in str(raised.value)
    assert "pa/ss" not in str(raised.value)
