"""`trackway warehouse migrate`, `status` and `verify`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner

from tests.support.house import environment
from trackway_collector.cli import warehouse as command
from trackway_collector.warehouse import Warehouse, WarehouseUrl
from trackway_collector.warehouse.migrate import bundled


def full_url(url: WarehouseUrl) -> str:
    """The URL as one types it, password and all."""
    if url.path is not None:
        return f"chdb://{url.path}?database={url.database}"
    return f"clickhouse://{url.user}:{url.password}@{url.host}:{url.port}/{url.database}"


def test_migrate_then_status(empty_warehouse: Warehouse) -> None:
    """Says what it applied, once; then shows the tables without a password."""
    url = full_url(empty_warehouse.url)
    first = CliRunner().invoke(command, ["migrate", "--warehouse", url])
    assert (first.exit_code, first.output) == (0, "".join(f"applied {migration.title}\n" for migration in bundled()))
    assert "is up to date" in CliRunner().invoke(command, ["migrate", "--warehouse", url]).output
    noon = "2026-05-01T12:00:00Z"
    row = f'{{"event":"Order Completed","message_id":"m1","timestamp":"{noon}","received_at":"{noon}"}}\n'
    empty_warehouse.insert_rows("events", row.encode(), token="t", query_id="load")
    shown = CliRunner(env={"COLUMNS": "200"}).invoke(command, ["status", "--warehouse", url])
    assert shown.exit_code == 0, shown.output
    assert "quarantine" in shown.output
    assert "2026-05-01 12:00:00 UTC" in shown.output
    assert not empty_warehouse.url.password or empty_warehouse.url.password not in shown.output


def test_status_before_migrate(empty_warehouse: Warehouse) -> None:
    """A database without tables, and no database at all, say what to do."""
    url = full_url(empty_warehouse.url)
    shown = CliRunner().invoke(command, ["status", "--warehouse", url])
    assert (
        f"to be migrated: {', '.join(migration.title for migration in bundled())}. Run `trackway warehouse migrate`"
        in shown.output
    )
    empty_warehouse.command(f"DROP DATABASE {empty_warehouse.database} SYNC")
    shown = CliRunner().invoke(command, ["status", "--warehouse", url])
    assert "there is no database yet. Run `trackway warehouse migrate`" in shown.output


def test_an_unreachable_warehouse_is_exit_code_4() -> None:
    """Nobody listens on port 1; the message says where, and hides the password."""
    shown = CliRunner().invoke(command, ["status", "--warehouse", "clickhouse://loader:hunter2@127.0.0.1:1/shop"])
    assert shown.exit_code == 4
    assert "clickhouse://loader:***@127.0.0.1:1/shop: no answer" in shown.output
    assert "hunter2" not in shown.output


def test_nothing_but_the_message_is_said() -> None:
    """The driver's own warnings stay away from a command's standard error."""
    url = "clickhouse://loader:hunter2@127.0.0.1:1/shop"
    command = [sys.executable, "-m", "trackway", "warehouse", "status", "--warehouse", url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment(), check=False)
    assert done.returncode == 4
    assert done.stderr.startswith("clickhouse://loader:***@127.0.0.1:1/shop: no answer from 127.0.0.1:1")
    assert len(done.stderr.splitlines()) == 2


def test_a_wrong_url_is_a_usage_error() -> None:
    """It is a mistake in the command, not an outage."""
    shown = CliRunner().invoke(command, ["migrate", "--warehouse", "mysql://db/shop"])
    assert shown.exit_code == 2
    assert "scheme `mysql` is not known" in shown.output


def test_each_command_shows_an_example() -> None:
    """One that can be pasted."""
    for name in command.commands:
        assert f"trackway warehouse {name}" in CliRunner().invoke(command, [name, "--help"]).output


def test_verify_of_an_empty_spool_says_so(warehouse: Warehouse, tmp_path: Path) -> None:
    """Nothing to count is said in words, not by a heading without rows."""
    arguments = ["verify", "--warehouse", full_url(warehouse.url), "--data-dir", str(tmp_path)]
    shown = CliRunner().invoke(command, arguments)
    assert shown.exit_code == 0, shown.output
    assert shown.output == (
        f"{tmp_path}/spool: nothing to verify, there are no segments. --data-dir names another data directory.\n"
    )


def test_migrating_beside_a_running_store(chdb_directory: Path) -> None:
    """The one that has the directory open migrates by itself; whoever asks is told so."""
    arguments = [sys.executable, "-m", "trackway", "warehouse", "migrate", "--warehouse", f"chdb://{chdb_directory}"]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=60, env=environment(), check=False)
    assert done.returncode == 4
    assert done.stderr == (
        f"{chdb_directory}: in use by another process, as by a running `trackway up`.\n"
        "  `trackway up` migrates by itself when it starts. After an upgrade, stop it and start it again.\n"
    )
