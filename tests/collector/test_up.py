"""`trackway up` and its processes: clear words at the start, and no way to lose one of them."""

from __future__ import annotations

import asyncio
import stat
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner
from rich.console import Console

from trackway_analytics.cli import query
from trackway_collector.cli import serve, store, tail, up, warehouse
from trackway_collector.config import Settings
from trackway_collector.store.process import _token
from trackway_collector.supervisor import Keeper
from trackway_collector.tail.command import _shown


def test_what_no_restart_would_mend_is_said_at_once(tmp_path: Path) -> None:
    """A plan that cannot be is one message and exit 3, not processes that start again for ever."""
    done = CliRunner().invoke(up, ["--data-dir", str(tmp_path), "--plan", "nowhere.json"])

    assert done.exit_code == 3
    assert "nowhere.json" in done.output
    assert "Traceback" not in done.output


COMMANDS: list[tuple[click.Command, list[str]]] = [
    (up, []),
    (up, ["--show-config"]),
    (serve, []),
    (store, []),
    (tail, []),
    (warehouse, ["status"]),
    (warehouse, ["migrate"]),
    (warehouse, ["verify"]),
    (query, ["sql", "SELECT 1"]),
]


@pytest.mark.parametrize("line", ["prot = 1", "port = ", "plan = 3", 'warehouse = "mysql://x"'])
@pytest.mark.parametrize(("command", "arguments"), COMMANDS, ids=lambda value: getattr(value, "name", str(value)))
def test_a_wrong_setting_is_a_usage_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: click.Command, arguments: list[str], line: str
) -> None:
    """Whichever command meets a trackway.toml that makes no sense exits 2 and says what is wrong."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "trackway.toml").write_text(f"{line}\n")

    done = CliRunner().invoke(command, arguments)

    assert done.exit_code == 2, (done.output, done.exception)
    assert "trackway.toml" in done.output or "mysql" in done.output


def test_messages_keep_their_brackets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A message that names `[write_keys]` shows it."""
    monkeypatch.chdir(tmp_path)

    assert "[write_keys]" in CliRunner().invoke(serve, ["--data-dir", str(tmp_path)]).output


@pytest.mark.parametrize("line", ["write_keys = 3", "data_dir = 3", "plan = 3", 'port = "x"'])
def test_a_value_of_the_wrong_type_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    """A number where trackway.toml needs text, or the reverse, is a usage error that names the setting."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "trackway.toml").write_text(line)

    done = CliRunner().invoke(up, [])

    assert done.exit_code == 2
    assert f"`{line.partition(' ')[0]}` from trackway.toml" in done.output


def test_show_config_shows_whole_values(tmp_path: Path) -> None:
    """A long value goes on in the next line: a path that is cut off cannot be checked."""
    long = tmp_path / ("deep" * 20) / "end"

    done = CliRunner().invoke(up, ["--data-dir", str(long), "--show-config"])

    shown = "".join(line[17:].split()[0] for line in done.output.splitlines() if line.strip())
    assert done.exit_code == 0
    assert "…" not in done.output
    assert str(long) in shown.replace("argument", "").replace("default", "")


@pytest.mark.parametrize("command", [serve, up], ids=["serve", "up"])
def test_a_data_directory_that_is_none_is_named(
    tmp_path: Path, command: click.Command, capfd: pytest.CaptureFixture[str]
) -> None:
    """Where the data directory cannot be, the program ends, and says where it looked and what names the place."""
    (tmp_path / "file").write_text("in the way")
    place = str(tmp_path / "file" / "data")
    ended = CliRunner().invoke(command, ["--data-dir", place, "--write-key", "web=a-key-for-the-shop"])
    assert ended.exit_code == 3
    said = ended.output + capfd.readouterr().err
    assert place in said
    assert "--data-dir or TRACKWAY_DATA_DIR names it" in said


def test_an_empty_token_file_lets_nobody_in(tmp_path: Path) -> None:
    """A token file that was cut off gets a new token, readable by its owner only."""
    path = tmp_path / "token"
    path.touch(0o600)

    token = _token(path)

    assert len(token) > 20
    assert _token(path) == token
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


class SlowStart(Keeper):
    """A keeper whose process takes a while to start, and then would run for ever."""

    async def _start(self) -> Any:
        await asyncio.sleep(0.05)
        return await asyncio.create_subprocess_exec("sleep", "1000")


async def test_stopping_while_a_process_starts_stops_it(tmp_path: Path) -> None:
    """A supervisor that is asked to stop between two lives of a process does not leave the next one running."""
    keeper = SlowStart("ingest", Settings(data_dir=tmp_path), asyncio.Event())
    keeping = asyncio.create_task(keeper.keep())
    await asyncio.sleep(0.01)

    await keeper.stop()

    await asyncio.wait_for(keeping, 10)
    assert keeper._process is not None
    assert keeper._process.returncode is not None


class FailsOnce(Keeper):
    """A keeper that cannot start its process the first time."""

    starts = 0

    async def _start(self) -> Any:
        self.starts += 1
        if self.starts == 1:
            raise BlockingIOError(11, "Resource temporarily unavailable")
        return await asyncio.create_subprocess_exec("sleep", "1000")


async def test_a_process_that_cannot_be_started_is_tried_again(tmp_path: Path) -> None:
    """When the system has no process to give, the supervisor asks again."""
    keeper = FailsOnce("store", Settings(data_dir=tmp_path), asyncio.Event())
    keeping = asyncio.create_task(keeper.keep())
    while keeper._process is None:
        await asyncio.sleep(0.02)

    await keeper.stop()

    await asyncio.wait_for(keeping, 10)
    assert keeper.starts == 2


def test_what_clients_send_does_not_steer_the_terminal() -> None:
    """`trackway tail` writes control characters out, in any script."""
    console = Console(force_terminal=True, highlight=False)
    with console.capture() as capture:
        console.print(_shown("種子\x1b[2J\x9bm"))

    assert capture.get() == "種子\\x1b[2J\\x9bm\n"
