"""A file that changes: what it says is taken over, and what makes no sense is refused once."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from trackway_collector.errors import ConfigError
from trackway_collector.watched_file import WatchedFile


def numbers(path: Path) -> WatchedFile[int]:
    """A file with a number in it; 0 where there is none."""

    def read() -> int:
        try:
            return int(path.read_text())
        except FileNotFoundError:
            return 0
        except ValueError:
            message = f"{path}: is no number."
            raise ConfigError(message) from None

    return WatchedFile(path, read)


def test_what_the_file_says_is_taken_over_once(tmp_path: Path) -> None:
    """Nothing changes until the file does; one that was not there at the start may come."""
    path = tmp_path / "number"
    file = numbers(path)
    assert (file.value, file.refresh()) == (0, False)
    path.write_text("7")
    assert (file.refresh(), file.value, file.refresh()) == (True, 7, False)
    path.write_text("7 ")
    assert (file.refresh(), file.value) == (False, 7)


@pytest.mark.parametrize("broken", ["x", None])
def test_a_file_that_makes_no_sense_is_refused_once(
    tmp_path: Path, broken: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    """So is one that is gone: the old value stays, one log line, one count; the next good one is taken."""
    path = tmp_path / "number"
    path.write_text("7")
    file = numbers(path)
    path.unlink()
    if broken:
        path.write_text(broken)
    assert not file.refresh()
    assert file.refused == 0  # it may only be half written
    assert [file.refresh() for _ in range(3)] == [False] * 3
    assert (file.refused, file.value, len(caplog.messages)) == (1, 7, 1)
    assert caplog.record_tuples[0][1] == logging.ERROR
    path.write_text("8")
    assert (file.refresh(), file.value) == (True, 8)


def test_a_file_that_makes_no_sense_at_the_start_is_an_error(tmp_path: Path) -> None:
    """There is nothing that could stay in force."""
    (tmp_path / "number").write_text("x")
    with pytest.raises(ConfigError, match="is no number"):
        numbers(tmp_path / "number")


def test_what_no_reader_expects_is_refused_too(tmp_path: Path) -> None:
    """A file that breaks its reader, such as TOML nested too deeply, is refused, and the next one is taken."""
    path = tmp_path / "number"

    def read() -> int:
        if (text := path.read_text()).startswith("["):
            raise RecursionError
        return int(text)

    path.write_text("1")
    file = WatchedFile(path, read)
    path.write_text("[" * 9)
    assert [file.refresh() for _ in range(3)] == [False] * 3
    assert (file.value, file.refused) == (1, 1)
    path.write_text("22")
    assert (file.refresh(), file.value) == (True, 22)
