from __future__ import annotations

from pathlib import Path

import pytest

from trackway import ConfigurationError, Options, Tracker
from trackway_plan import Release


def test_arguments_win_over_environment_and_environment_over_defaults() -> None:
    """Each setting comes from the first place that has it."""
    environ = {
        "TRACKWAY_WRITE_KEY": "env-key",
        "TRACKWAY_HOST": "http://env:1",
        "TRACKWAY_MAX_BATCH_EVENTS": "7",
    }
    options = Options.build({"host": "http://argument:2"}, environ)
    assert options.write_key == "env-key"
    assert options.host == "http://argument:2"
    assert options.max_batch_events == 7
    assert options.flush_interval_s == 0.5


def test_a_missing_write_key_raises_and_names_each_place_looked_in() -> None:
    """There is no default for the key, and the message says where one could have been."""
    with pytest.raises(ConfigurationError, match=r"argument `write_key`.*TRACKWAY_WRITE_KEY.*\n.*Write Tracker\("):
        Tracker()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"on_violation": "explode"}, "`on_violation` is 'explode': known policies: drop, flag, off, raise"),
        ({"host": "collect.example.com"}, "`host` is 'collect.example.com': write a URL"),
        ({"host": "ftp://collect.example.com"}, "`host` is"),
        ({"host": "http://collect.example.com:99999"}, "`host` is"),
        ({"host": "https://key@collect.example.com"}, "`host` has a user"),
        ({"max_batch_events": 0}, "`max_batch_events` is 0: write a number from 1 to 2500"),
        ({"max_batch_events": 10.5}, "`max_batch_events` is 10.5: write a whole number"),
        ({"flush_interval_s": "soon"}, "`flush_interval_s` is 'soon'"),
        ({"flush_interval_s": float("nan")}, "`flush_interval_s` is nan"),
        ({"request_timeout_s": True}, "`request_timeout_s` is True"),
        ({"max_batch_bytes": 512_000}, "`max_batch_bytes` is 512000"),
        ({"source": " "}, "`source` is ' '"),
        ({"flush_at": 20}, "`flush_at` is not a setting of Tracker. Known settings: .*flush_interval_s"),
        ({"compresion": "zstd"}, "`compresion` is not a setting of Tracker. Did you mean `compression`\\? Known"),
        ({"queue": "dsk"}, "`queue` is 'dsk': write memory, disk, or a directory with its path, such as ./dsk"),
        ({"queue": "Disk"}, "`queue` is 'Disk': write memory, disk, or a directory"),
    ],
)
def test_a_wrong_setting_raises_at_once_and_says_what_to_write(settings: dict[str, object], words: str) -> None:
    """Configuration is the one thing that may fail loudly: it is read before the program is up."""
    with pytest.raises(ConfigurationError, match=words):
        Tracker("shop-key", **settings)  # type: ignore[arg-type]


def test_a_wrong_setting_from_the_environment_names_its_variable() -> None:
    """Nobody has to guess where a value came from."""
    with pytest.raises(ConfigurationError, match=r"TRACKWAY_MAX_QUEUE_EVENTS is 'many'\. Write a whole"):
        Options.build({"write_key": "k"}, {"TRACKWAY_MAX_QUEUE_EVENTS": "many"})
    with pytest.raises(ConfigurationError, match="came from the environment variable TRACKWAY_ON_VIOLATION"):
        Options.build({"write_key": "k"}, {"TRACKWAY_ON_VIOLATION": "ignore"})
    with pytest.raises(ConfigurationError, match="came from the argument `on_violation`"):
        Options.build({"write_key": "k", "on_violation": "ignore"}, {"TRACKWAY_ON_VIOLATION": "drop"})


@pytest.mark.parametrize("key", ["a:b", "schlüssel", "a\nb", "", 7])
def test_a_key_that_basic_auth_cannot_carry_raises_without_showing_it(key: str) -> None:
    """Error messages end up in logs, and write keys do not belong there."""
    with pytest.raises(ConfigurationError) as caught:
        Tracker(key)
    assert "write_key" in str(caught.value)
    assert len(str(key)) < 2 or str(key) not in str(caught.value)


def test_options_do_not_show_the_key() -> None:
    """The options can be logged."""
    assert "shop-key" not in repr(Options(write_key="shop-key"))
    with Tracker("shop-key") as tracker:
        assert "shop-key" not in repr(tracker)


def test_a_plan_that_cannot_be_read_raises_with_the_full_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative path is shown as what it meant."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError, match=str(tmp_path / "plan.json")):
        Tracker("shop-key", plan="plan.json")
    with pytest.raises(ConfigurationError, match="directory"):
        Tracker("shop-key", plan=tmp_path)
    (tmp_path / "plan.json").write_text("name: shop")
    with pytest.raises(ConfigurationError, match=r"plan\.json.*\n.*trackway plan release"):
        Tracker("shop-key", plan="plan.json")
    with pytest.raises(ConfigurationError, match="`plan` is a dict"):
        Tracker("shop-key", plan={})  # type: ignore[arg-type]


def test_a_plan_can_be_named_in_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shop_release: Release
) -> None:
    """The plan of a deployment is a matter of configuration, too."""
    (tmp_path / "plan.json").write_bytes(shop_release.to_json())
    monkeypatch.setenv("TRACKWAY_PLAN", str(tmp_path / "plan.json"))
    with pytest.raises(ConfigurationError, match=r"`source` is 'kiosk'\. Plan `shop` revision 3 knows: backend, web"):
        Tracker("shop-key", source="kiosk")
