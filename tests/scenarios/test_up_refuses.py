"""`trackway up` that cannot work says why, once, and ends."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

from tests.support.house import environment, free_port, open_house


def up(directory: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run `trackway up` until it ends by itself."""
    ports = [f"--{name}={free_port()}" for name in ("port", "console-port", "query-port")]
    command = [sys.executable, "-m", "trackway", "up", "--data-dir", str(directory / "data"), *ports, *options]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=60, env=environment(), cwd=directory, check=False
    )


def test_a_plan_that_is_not_there(tmp_path: Path) -> None:
    """A missing plan is one message and exit 3, not a traceback again and again."""
    done = up(tmp_path, "--plan", str(tmp_path / "nowhere"))

    assert done.returncode == 3, done.stderr
    assert "nowhere: no such plan" in done.stderr
    assert "Traceback" not in done.stderr


def test_tables_of_another_version(tmp_path: Path) -> None:
    """A warehouse that this version must not touch is one message and exit 3, not a store that starts for ever."""
    code = (
        "import sys\n"
        "from trackway_collector.warehouse import open_warehouse\n"
        "from trackway_collector.warehouse.migrate import Migration, migrate\n"
        "warehouse = open_warehouse(f'chdb://{sys.argv[1]}', owner=True)\n"
        "migrate(warehouse, [Migration(1, 'events', 'SELECT 1;\\n')])\n"
        "warehouse.close()\n"
    )
    engine = tmp_path / "data" / "chdb"
    subprocess.run([sys.executable, "-c", code, str(engine)], check=True, env=environment(), timeout=60)

    done = up(tmp_path)

    assert done.returncode == 3, done.stderr
    assert done.stderr.count("was edited after it had been applied") == 1
    assert "Traceback" not in done.stderr
    assert "starting it again" not in done.stderr


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    """A port in use is named, with the option that chooses another."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]

        done = up(tmp_path, f"--port={port}")

    assert done.returncode == 3, done.stderr
    assert str(port) in done.stderr
    assert "--port" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_data_directory_in_use(tmp_path: Path) -> None:
    """A second house on the same data directory is refused and does the first no harm."""
    with open_house(tmp_path / "data") as house:
        done = up(tmp_path)

        assert done.returncode == 3, done.stderr
        assert "already" in done.stderr or "another process" in done.stderr
        assert "Traceback" not in done.stderr
        assert house.get("/ready")[0] == 200
        assert house.post([{"type": "track", "event": "e", "userId": "u", "messageId": "m"}])[0] == 200


def test_a_setting_that_makes_no_sense(tmp_path: Path) -> None:
    """A wrong trackway.toml is a usage error that names the setting and the file."""
    (tmp_path / "trackway.toml").write_text('prot = 8077\n[write_keys]\nweb = "k"\n')

    done = up(tmp_path)

    assert done.returncode == 2
    assert "unknown settings prot" in done.stderr
    assert "trackway.toml" in done.stderr


def test_tail_without_a_store(tmp_path: Path) -> None:
    """`tail` asks a running store only: it says so, leaves no directory behind and locks no engine."""
    command = [sys.executable, "-m", "trackway", "tail", "--data-dir", str(tmp_path / "data")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment(), check=False)

    assert done.returncode == 4
    assert "trackway up" in done.stdout + done.stderr
    assert not (tmp_path / "data").exists()
