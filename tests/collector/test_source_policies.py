"""`[sources.NAME]`: what each source is allowed, and how a table that makes no sense is refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.support.house import ROOT
from trackway_collector.cli import up
from trackway_collector.config import load_settings
from trackway_collector.errors import ConfigError
from trackway_collector.ingest.rules.sources import Limits, Policies

TABLES = """\
[sources."*".limits]
batch_events = 10

[sources.web.limits]
event_bytes = 2048

[sources.api]
"""


def of(directory: Path, text: str) -> Policies:
    (directory / "trackway.toml").write_text(text)
    return load_settings({}, {}, directory)[0].policies


def test_a_source_has_its_own_values_else_those_of_every_source(tmp_path: Path) -> None:
    """What a source's table leaves out is as in `"*"`, and what that leaves out is the default."""
    policies = of(tmp_path, TABLES)
    assert policies.of("web").limits == Limits(event_bytes=2048, batch_events=10)
    assert policies.of("api").limits == policies.of("never heard of").limits == Limits(batch_events=10)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[sources.web.limit]\n", "[sources.web]: `limit` is not known.\n  Did you mean `limits`?"),
        ("[sources.web.limits]\nevent_byte = 1\n", "[sources.web.limits]: `event_byte` is not known.\n  Did you mean"),
        ('[sources."a b".limits]\nzzz = 1\n', '[sources."a b".limits]: `zzz` is not known.\n  Known: event_bytes,'),
        ("[sources.web.limits]\nevent_bytes = 0\n", "[sources.web]: `limits.event_bytes` is wrong: expected `int` >="),
        (
            '[sources.web.privacy]\nip = "cut"\n',
            "`privacy.ip` is wrong: invalid enum value 'cut'.\n  Known: as_sent, keep, truncate, hash, remove.",
        ),
        ('[sources.web.limits]\nevent_bytes = "1"\n', "`limits.event_bytes` is wrong: expected `int`, got `str`."),
        ("[sources]\nweb = 3\n", "[sources.web] is no table"),
        ("sources = 3\n", "`sources` from trackway.toml is no table"),
        ("[sourcs.web]\n", "Did you mean sources?"),
    ],
)
def test_a_wrong_table_is_refused(tmp_path: Path, text: str, message: str) -> None:
    """The message names file, table and value, and what was probably meant."""
    with pytest.raises(ConfigError) as caught:
        of(tmp_path, text)
    assert message in str(caught.value)
    assert "trackway.toml" in str(caught.value)


def test_a_container_may_give_the_tables_as_json() -> None:
    """TRACKWAY_SOURCES says what the tables would."""
    settings, origins = load_settings({}, {"TRACKWAY_SOURCES": '{"web": {"limits": {"batch_events": 5}}}'})
    assert settings.policies.of("web").limits.batch_events == 5
    assert origins["sources"] == "TRACKWAY_SOURCES"
    with pytest.raises(ConfigError, match="is not JSON"):
        load_settings({}, {"TRACKWAY_SOURCES": "{"})


def test_the_file_can_be_named(tmp_path: Path) -> None:
    """--config wins over TRACKWAY_CONFIG; a file that is named must be there."""
    for name in ("a", "b"):
        (tmp_path / f"{name}.toml").write_text(f'plan = "{name}"\n')
    assert load_settings({"config": "a.toml"}, {"TRACKWAY_CONFIG": "b.toml"}, tmp_path)[0].plan == "a"
    settings, origins = load_settings({}, {"TRACKWAY_CONFIG": "b.toml"}, tmp_path)
    assert (settings.plan, origins["plan"], origins["config"]) == ("b", "b.toml", "TRACKWAY_CONFIG")
    with pytest.raises(ConfigError, match=r"c\.toml: no such file, and `config` from argument names it"):
        load_settings({"config": "c.toml"}, {}, tmp_path)


def test_show_config_shows_the_policies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every setting for all sources, and of each source what is different there."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "trackway.toml").write_text(TABLES)
    shown = [line.split() for line in CliRunner().invoke(up, ["--show-config"]).output.splitlines()]
    assert ['sources."*".limits.batch_events', "10", "trackway.toml"] in shown
    assert ['sources."*".limits.event_bytes', "32768", "default"] in shown
    assert ["sources.web.limits.event_bytes", "2048", "trackway.toml"] in shown
    assert not [row for row in shown if row and row[0].startswith("sources.api")]


@pytest.mark.parametrize("page", ["settings", "privacy", "other_clients"])
def test_the_documented_files_are_understood(tmp_path: Path, page: str) -> None:
    """Each trackway.toml of these pages is one that the collector takes."""
    blocks = re.findall(r"^```toml\n(.*?)^```$", (ROOT / "docs" / f"{page}.md").read_text("utf-8"), re.M | re.S)
    assert blocks
    for block in blocks:
        assert of(tmp_path, block).by_source


def test_a_foreign_id_has_one_source(tmp_path: Path) -> None:
    """An id that two sources name, or that is for all of them, is refused with both names."""
    twice = '[sources.web]\nforeign_ids = ["snowplow:shop"]\n[sources.api]\nforeign_ids = ["snowplow:shop"]\n'
    with pytest.raises(ConfigError, match="`snowplow:shop` is in `foreign_ids` of `web` and of `api`"):
        of(tmp_path, twice)
    with pytest.raises(ConfigError, match="cannot be for all"):
        of(tmp_path, '[sources."*"]\nforeign_ids = ["snowplow:shop"]\n[sources.api.limits]\nbatch_events = 7\n')
