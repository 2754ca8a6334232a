"""`trackway query` and `trackway try`, as a user types them."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.analytics.logs import DATA, row, store
from trackway_analytics import InputFileError
from trackway_analytics.cli import query, try_file
from trackway_analytics.try_out import FileLayout
from trackway_collector.warehouse import Warehouse

EXAMPLES = {
    "funnel": ["cart", "pay"],
    "paths": ["--start", "cart"],
    "retention": ["--period", "day", "--periods", "2"],
    "attribution": ["--conversion", "pay", "--touch", "cart", "--channel", "platform"],
}


@pytest.fixture
def url(warehouse: Warehouse) -> str:
    """The URL of a warehouse where Ida put something into the cart and paid, and Jo did not pay."""
    properties = {"platform": "ios", "price": 12.5}
    log = [("ida", "cart", 0), ("ida", "pay", 60), ("jo", "cart", 5), ("jo", "leave", 90_000 * 3)]
    store(warehouse, [row(who, what, at, properties=properties) for who, what, at in log])
    where = warehouse.url
    if where.scheme == "chdb":
        return str(where)
    return str(where).replace(":***@", f":{where.password}@")


def ask(url: str, *arguments: str) -> Result:
    """Run `trackway query …` on the warehouse."""
    return CliRunner().invoke(query, [*arguments, "--warehouse", url])


@pytest.mark.parametrize("name", EXAMPLES)
def test_formats(url: str, name: str) -> None:
    """Each question prints as a table, JSON, CSV and HTML, and exits 0."""
    for format_, begins in (("table", ""), ("json", "{"), ("csv", ""), ("html", "<!doctype html>")):
        result = ask(url, name, *EXAMPLES[name], "--format", format_)
        assert result.exit_code == 0, result.output
        assert result.stdout.startswith(begins)
    assert json.loads(ask(url, name, *EXAMPLES[name], "--format", "json").stdout)["question"] == name


def test_csv_is_for_programs(url: str) -> None:
    """CSV has the data frame's columns and plain numbers."""
    lines = ask(url, "funnel", "cart|wishlist", "pay", "--where", "price > 12", "--format", "csv").stdout.splitlines()
    assert lines[0].startswith("step,label,users,conversion,")
    assert lines[2].startswith("2,pay,1,0.5,")


def test_sql(url: str) -> None:
    """A SELECT of one's own runs, with bound parameters."""
    statement = "SELECT event, count() AS n FROM events WHERE person_id = {who:String} GROUP BY event ORDER BY event"
    result = ask(url, "sql", statement, "--param", "who=ida", "--format", "csv")
    assert result.stdout == "event,n\ncart,1\npay,1\n"
    assert json.loads(ask(url, "sql", "SELECT 1 AS one", "--format", "json").stdout) == [{"one": 1}]


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["funnel", "cart", "--within", "soon"], "is not a duration"),
        (["funnel", "cart", "--where", "price >"], "expected a number"),
        (["sql", "SELECT nonsense"], "The warehouse says"),
        (["sql", "SELECT 1", "--param", "x"], "NAME=VALUE"),
    ],
)
def test_bad_questions_exit_2(url: str, arguments: list[str], part: str) -> None:
    """A question that makes no sense exits 2 and says on standard error what to write."""
    result = ask(url, *arguments)
    assert result.exit_code == 2
    assert part in result.stderr


def test_a_wrong_settings_file_exits_2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A typo in trackway.toml is a message here too, not a traceback."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "trackway.toml").write_text("prot = 1\n")
    result = CliRunner().invoke(query, ["sql", "SELECT 1"])
    assert result.exit_code == 2
    assert "prot" in result.stderr


def test_the_meaning_has_the_whole_width(url: str) -> None:
    """What was counted stands below the table, not squeezed to the table's width."""
    lines = ask(url, "retention", "--period", "day", "--periods", "1").stdout.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("Users in production by"))
    assert len(lines[start].strip()) > 60


def test_unreachable_warehouse_exits_4() -> None:
    """A warehouse that does not answer is exit code 4."""
    result = ask("clickhouse://default@127.0.0.1:9/trackway?connect_timeout_s=1", "funnel", "cart")
    assert result.exit_code == 4
    assert "Error:" in result.stderr


def test_no_store_says_how_to_start_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a URL and without a local store, the message says how to get one."""
    monkeypatch.delenv("TRACKWAY_WAREHOUSE", raising=False)
    monkeypatch.setenv("TRACKWAY_DATA_DIR", str(tmp_path / "nothing"))
    result = CliRunner().invoke(query, ["funnel", "cart"])
    assert result.exit_code == 2
    assert "trackway up" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["funnel", "crat|cart", "pay"], ["Nobody has sent an event `crat` in production. Did you mean `cart`?"]),
        (
            ["funnel", "cart", "pay", "--source", "shop"],
            ["`cart` from shop in production.", "`pay` from shop in production."],
        ),
        (["paths", "--start", "cart", "--exclude", "laeve"], ["`laeve` in production. Did you mean `leave`?"]),
        (["retention", "--start", "cart", "--return", "refund"], ["`refund` in production."]),
        (["attribution", "--conversion", "pay", "--touch", "ad", "--channel", "platform"], ["`ad` in production."]),
    ],
)
def test_events_that_nobody_sent_are_said(url: str, arguments: list[str], said: list[str]) -> None:
    """A slip in an event's name is an answer of zeros, and a warning on standard error that names the near one."""
    result = ask(url, *arguments, "--format", "json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["question"] == arguments[0]
    warnings = result.stderr.splitlines()
    assert len(warnings) == len(said)
    for line, part in zip(warnings, said, strict=True):
        assert line.startswith("Warning: ")
        assert part in line


@pytest.mark.parametrize("name", EXAMPLES)
def test_events_that_somebody_sent_are_no_warning(url: str, name: str) -> None:
    """A question about events that are there says nothing on standard error."""
    assert ask(url, name, *EXAMPLES[name]).stderr == ""


@pytest.mark.parametrize("name", [*EXAMPLES, "sql"])
def test_help_has_an_example(name: str) -> None:
    """Every help page ends with an example."""
    result = CliRunner().invoke(query, [name, "--help"])
    assert f"Example: trackway query {name}" in " ".join(result.output.split())


def test_try_on_the_app_log(tmp_path: Path) -> None:
    """`trackway try` guesses the columns of a real log, says so, and keeps nothing."""
    steps = ["--steps", "onboarding_welcome_screen,passed", "--format", "json"]
    # A process of its own: chDB can open one directory a process.
    done = subprocess.run(
        [sys.executable, "-m", "trackway", "try", str(DATA / "app_in_the_air.csv.gz"), *steps],
        capture_output=True, text=True, check=True, timeout=120,
        env={**os.environ, "TMPDIR": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert "30,943 events of 4,139 users" in done.stderr
    assert "user = `user_pseudo_id` (guessed)" in done.stderr
    assert json.loads(done.stdout)["rows"][0][:3] == [1, "onboarding_welcome_screen", 4120]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("engine", ["chdb"], indirect=True)
@pytest.mark.parametrize("times", ["seconds", "milliseconds", "microseconds", "iso", "text"])
@pytest.mark.parametrize("format_", ["csv", "jsonl", "csv.gz"])
def test_try_reads_times_and_formats(empty_warehouse: Warehouse, tmp_path: Path, times: str, format_: str) -> None:
    """
    Times in each known notation, in CSV and JSON lines, packed or not, give the same funnel: 60 s to the
    purchase.
    """
    spelled = {
        "seconds": (1_767_225_600, 1_767_225_660),
        "milliseconds": (1_767_225_600_000, 1_767_225_660_000),
        "microseconds": (1_767_225_600_000_000, 1_767_225_660_000_000),
        "iso": ("2026-01-01T01:00:00+01:00", "2026-01-01T00:01:00.000Z"),
        "text": ("2026-01-01 00:00:00", "2026-01-01 00:01:00"),
    }[times]
    records = [
        {"User ID": "007", "concept:name": name, "it's the `time`": at, "note": "it's"}
        for name, at in zip(("looks, twice", "buys"), spelled, strict=True)
    ]
    path = tmp_path / f"log.{format_}"
    if format_ == "jsonl":
        text = "".join(json.dumps(record) + "\n" for record in records)
    else:
        lines = ['{},"{}",{},"{}"'.format(*record.values()) for record in records]
        text = "\n".join(["User ID,concept:name,it's the `time`,note", *lines]) + "\n"
    path.write_bytes(gzip.compress(text.encode()) if format_.endswith("gz") else text.encode())
    loaded = FileLayout.of(path, user=None, event=None, time="it's the `time`").load_into(empty_warehouse)
    assert "user = `User ID` (guessed), event = `concept:name` (guessed), time = `it's the `time``." in loaded.said
    assert loaded.usual_steps() == ["looks, twice", "buys"]
    frame = loaded.events.funnel(*loaded.usual_steps()).df
    assert frame["median_time_s"].to_list() == [0.0, 60.0]
    assert empty_warehouse.query("SELECT DISTINCT person_id, toDate(timestamp)::String FROM events").rows == [
        ("007", "2026-01-01")
    ]


@pytest.mark.parametrize("engine", ["chdb"], indirect=True)
@pytest.mark.parametrize(
    ("text", "columns", "part"),
    [
        ("", {}, "is empty"),
        ("user,event,time\n", {}, "no rows"),
        ("user;event;time\na;b;1\n", {}, "write commas"),
        ("user,event,when\na,b,1\n", {}, "--time COLUMN"),
        ("user,event,time\na,b,yesterday\n", {}, "'yesterday'"),
        ("user,event,time\n,b,1\n", {}, "the user, is empty"),
        ("user,event,time\na,b,1\n", {"user": "usr"}, "Did you mean `user`?"),
        ("[1,2]\n", {}, "not a JSON object"),
        ("user,event,time\na,b,1\0\n", {}, "is not text"),
        ("user,event,time\na,b,1\nc,d\n", {}, "log.csv:3: this row has 2 columns, the header has 3: 'c,d'"),
        ('user,event,time\na,"b\nb",1\n\nc,d,2,x\n', {}, "log.csv:5: this row has 4 columns, the header has 3"),
        ("user,event,time\na,b,1\nc\n", {}, "log.csv:3: this row has 1 column,"),
        ("user,event,time\na,b,1\nc,Tea, green,2\n", {}, "quotes around a value that holds a comma"),
        ("user,event,time\na,b,1\nc,d\n", {}, "quotes around a value that holds a comma"),
    ],
)
def test_try_says_what_is_wrong_with_a_file(
    empty_warehouse: Warehouse, tmp_path: Path, text: str, columns: dict[str, str], part: str
) -> None:
    """A file that cannot be read as events is an error that says what to change."""
    path = tmp_path / "log.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputFileError) as caught:
        FileLayout.of(path, **{"user": None, "event": None, "time": None} | columns).load_into(empty_warehouse)
    assert part in str(caught.value)


@pytest.mark.parametrize("engine", ["chdb"], indirect=True)
def test_try_knows_the_files_events(empty_warehouse: Warehouse, tmp_path: Path) -> None:
    """A step that is no event of the file is an error with the near match."""
    path = tmp_path / "log.csv"
    path.write_text("user,event,time\na,bye,1\n", encoding="utf-8")
    loaded = FileLayout.of(path, user=None, event=None, time=None).load_into(empty_warehouse)
    with pytest.raises(InputFileError, match="Did you mean `bye`"):
        loaded.check_events(["by"])


def test_try_exits_3_for_a_bad_file(tmp_path: Path) -> None:
    """The command's exit code for a file that cannot be read is 3."""
    path = tmp_path / "log.csv"
    path.write_text("", encoding="utf-8")
    result = CliRunner().invoke(try_file, [str(path)])
    assert result.exit_code == 3
    assert "is empty" in result.stderr
