"""The operator's key as a setting: read from two places, refused when it can be guessed, shown nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from trackway_collector.config import describe_settings, load_settings
from trackway_collector.errors import ConfigError
from trackway_collector.supervised import decode_settings, encode_settings

KEY = "a key of the operator's own"


@pytest.mark.parametrize("where", ["environment", "file"])
def test_the_key_is_read_and_not_shown(where: str, tmp_path: Path) -> None:
    """TRACKWAY_HASH_KEY or hash_key in trackway.toml; `--show-config` and the settings' own text leave it out."""
    if where == "file":
        (tmp_path / "trackway.toml").write_text(f'hash_key = "{KEY}"\n')
    environ = {"TRACKWAY_HASH_KEY": KEY} if where == "environment" else {}
    settings, origins = load_settings({}, environ, tmp_path)
    assert decode_settings(encode_settings(settings)).hash_key == KEY
    assert KEY not in repr(settings) + repr(describe_settings(settings, origins))
    assert ("hash_key", "…", "TRACKWAY_HASH_KEY" if environ else "trackway.toml") in describe_settings(
        settings, origins
    )


def test_a_key_that_can_be_guessed_is_refused(tmp_path: Path) -> None:
    """Under 16 characters; the message says where it came from and not what it is."""
    with pytest.raises(ConfigError, match=r"TRACKWAY_HASH_KEY.*at least 16") as caught:
        load_settings({}, {"TRACKWAY_HASH_KEY": "hunter2"}, tmp_path)
    assert "hunter2" not in str(caught.value)
