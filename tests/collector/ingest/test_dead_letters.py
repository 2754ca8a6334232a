"""Refused requests leave a sample behind: who, why, how much, and of the body only what may be kept."""

from __future__ import annotations

import errno
import gzip
import json
import os
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from tests.collector.ingest.conftest import Collector, StartCollector
from trackway_collector.dead_letters import log
from trackway_collector.dead_letters.command import dead_letters, letters
from trackway_collector.dead_letters.log import DIRECTORY, DeadLetters, Letter
from trackway_collector.dead_letters.scrub import kept_body
from trackway_collector.ingest.privacy.policy import Privacy
from trackway_collector.ingest.rules.sources import SourcePolicy
from trackway_plan import EventSpec, Plan, PropertySpec, compile_release

LOST_KEY = "lost-key-8Fj2kQ"


async def refusing(start: StartCollector, tmp_path: Path, release: Any = None, policy: Any = None) -> Collector:
    """A collector that keeps dead letters."""
    collector = await start(release, policy=policy)
    collector.ingest.letters = DeadLetters(tmp_path / DIRECTORY / "w0.jsonl")
    return collector


async def test_each_kind_of_refusal_is_written_down(start_collector: StartCollector, tmp_path: Path) -> None:
    """Bad JSON, a wrong key, too much, damaged packing and unknown paths: a letter each; what is stored leaves none."""
    collector = await refusing(start_collector, tmp_path)
    agent = {"User-Agent": "analytics-python/2.3.4 (lina@example.org)"}
    assert (await collector.post("/v1/batch", {"batch": []}, **agent))[0] == 200
    assert (await collector.post("/v1/batch", b'{"batch": [', **agent))[0] == 400
    assert (await collector.post("/v1/batch", {"batch": [], "writeKey": LOST_KEY}, None, **agent))[0] == 401
    assert (await collector.post("/v1/batch", b"[" + b" " * 600_000, **agent))[0] == 400
    assert (await collector.post("/v1/batch", b"no gzip", **agent, **{"Content-Encoding": "gzip"}))[0] == 400
    assert (await collector.post("/v2/nothing/here", b"{}", **agent))[0] == 404
    found = {letter.code: letter for letter in letters(tmp_path)}
    assert sorted(found) == ["bad_encoding", "batch_too_large", "malformed_json", "unknown_path", "unknown_write_key"]
    bad = found["malformed_json"]
    assert (bad.status, bad.route, bad.client, bad.bytes) == (400, "/v1/batch", "analytics-python/2.3.4", 11)
    assert bad.body == '{"batch": ['
    assert found["unknown_write_key"].body == '{"batch":[],"writeKey":"…"}'
    assert found["bad_encoding"].body is None
    assert (tmp_path / DIRECTORY / "w0.jsonl").stat().st_mode & 0o077 == 0
    text = (tmp_path / DIRECTORY / "w0.jsonl").read_text()
    assert LOST_KEY not in text
    assert "example.org" not in text


async def test_no_key_is_written_down(start_collector: StartCollector, tmp_path: Path) -> None:
    """Wherever a client puts its key, right or wrong, it is in no letter."""
    collector = await refusing(start_collector, tmp_path)
    basic = {"Authorization": "Basic " + b64encode(f"{LOST_KEY}:".encode()).decode()}
    await collector.post("/v1/batch", {"batch": []}, None, **basic)
    await collector.post(f"/v1/batch?writeKey={LOST_KEY}", {"batch": []}, None)
    await collector.post(f"/v1/projects/{LOST_KEY}/settings", {"a": 1}, None)
    for body in (
        {"api_key": LOST_KEY},
        {"a": {"writeKey": LOST_KEY}, "x": 1},
        {"quoted": json.dumps({"writeKey": LOST_KEY})},
        {"data": b64encode(json.dumps({"api_key": LOST_KEY}).encode()).decode()},
        f'{{"write\\u004bey": "{LOST_KEY}", "batch": ['.encode(),
        f'{{"write_key" : "{LOST_KEY}'.encode(),
        f"{{'token': '{LOST_KEY}', ".encode(),
        f"data={LOST_KEY}&key={LOST_KEY}".encode(),
        gzip.compress(json.dumps({"writeKey": LOST_KEY}).encode()),
    ):
        await collector.post("/v1/batch", body, None)
    assert len(list(letters(tmp_path))) >= 10
    assert LOST_KEY not in (tmp_path / DIRECTORY / "w0.jsonl").read_text()


@pytest.mark.parametrize("by", ["plan", "policy"])
async def test_where_something_must_not_be_stored_no_body_is(
    start_collector: StartCollector, tmp_path: Path, by: str
) -> None:
    """With a plan or a privacy rule that forbids to store something, a letter has the body's size and hash alone."""
    email = PropertySpec(name="email", kind="string", store="drop")
    plan = Plan(name="shop", events={"paid": EventSpec(name="paid", properties={"email": email})})
    release = compile_release(plan, 1) if by == "plan" else None
    policy = SourcePolicy(privacy=Privacy(ip="remove")) if by == "policy" else None
    collector = await refusing(start_collector, tmp_path, release, policy)
    await collector.post("/v1/batch", b'{"batch": [{"event": "paid", "email": "lina@example.org"')
    (found,) = letters(tmp_path)
    assert (found.body, found.bytes, len(found.sha256)) == (None, 56, 64)


async def test_overload_is_no_dead_letter(start_collector: StartCollector, tmp_path: Path) -> None:
    """What a client is to send again later is not wrong, and is not written."""
    collector = await start_collector(max_backlog_bytes=0)
    collector.ingest.letters = DeadLetters(tmp_path / DIRECTORY / "w0.jsonl")
    event = {"type": "track", "event": "x", "userId": "lina", "messageId": "m-1"}
    statuses = {(await collector.post("/v1/batch", {"batch": [event]}))[0] for _ in range(3)}
    assert statuses & {429, 503}
    assert list(letters(tmp_path)) == []


def letter(code: str) -> Letter:
    return Letter(log.now(), code, 400, "", "/v1/batch")


def test_a_flood_is_sampled_and_counted(tmp_path: Path) -> None:
    """Of one code so many are written, then one in a hundred; their counts add up to all that were seen by then."""
    written = DeadLetters(tmp_path / DIRECTORY / "w0.jsonl")
    for _ in range(5_000):
        if written.wants("malformed_json"):
            written.write(letter("malformed_json"), b"{", may_keep=True)
    assert written.wants("unknown_path"), "another code is not silenced by it"
    found = list(letters(tmp_path))
    assert len(found) == log.FIRST + 5_000 // log.EVERY
    assert sum(each.stands_for for each in found) == 5_000


def test_the_files_stay_small(tmp_path: Path) -> None:
    """A full file becomes the older one of two; the oldest goes."""
    written = DeadLetters(tmp_path / DIRECTORY / "w0.jsonl", max_file_bytes=2_000)
    for number in range(100):
        assert written.wants(f"code_{number}")
        written.write(letter(f"code_{number}"), b"{}", may_keep=True)
    files = sorted((tmp_path / DIRECTORY).iterdir())
    assert [file.name for file in files] == ["w0.jsonl", "w0.jsonl.1"]
    assert all(file.stat().st_size <= 2_000 and file.stat().st_mode & 0o077 == 0 for file in files)


def test_a_disk_that_refuses_costs_the_letter_only(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Where letters cannot be written the request is answered all the same, and the log says it once."""
    (tmp_path / DIRECTORY).write_text("a file where the directory should be")
    written = DeadLetters(tmp_path / DIRECTORY / "w0.jsonl")
    for _ in range(3):
        assert written.wants("malformed_json")
        written.write(letter("malformed_json"), b"{}", may_keep=True)
    assert caplog.text.count("cannot be written") == 1


@given(st.sampled_from(["writeKey", "api_key", "KEY", "apiToken", "$token", "client_secret"]),
       st.text("abcXYZ019-_", min_size=6, max_size=20), st.integers(0, 60), st.booleans())  # fmt: skip
def test_whatever_is_cut_off_a_value_of_a_key_is_not_kept(name: str, key: str, cut: int, spaced: bool) -> None:
    """A body that ends anywhere, in the middle of a key too, is kept without any part of it that could be used."""
    body = json.dumps({"batch": [], name: key + "SECRET"}, separators=(", ", " : " if spaced else ":"))
    kept = kept_body(body[: max(20, len(body) - cut)].encode())
    assert kept is None or "SECRET"[:3] not in kept


def test_the_command_lists_by_code(tmp_path: Path) -> None:
    """Counts, clients and the newest example of each code, the most frequent first; nothing steers the terminal."""
    written = DeadLetters(tmp_path / DIRECTORY / "w0.jsonl")
    for number, code in enumerate(["malformed_json", "unknown_write_key", "malformed_json"]):
        sent = letter(code)
        sent.client = f"client/{number}"
        assert written.wants(code)
        written.write(sent, b'{"a": "\x1b[31m"', may_keep=True)
    (tmp_path / DIRECTORY / "w1.jsonl").write_text('{"at": "half a li')
    done = CliRunner().invoke(dead_letters, ["--data-dir", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert done.output.splitlines()[0].split() == ["2", "400", "malformed_json", "/v1/batch", "client/0,", "client/2"]
    assert "\x1b" not in done.output
    assert '{"a": "\\x1b[31m"' in done.output
    done = CliRunner().invoke(
        dead_letters, ["--data-dir", str(tmp_path), "--code", "unknown_write_key", "--format", "json"]
    )
    ((row,)) = json.loads(done.output)
    assert (row["code"], row["requests"], row["example"]["bytes"]) == ("unknown_write_key", 1, 13)


def test_a_full_disk_closes_no_file_of_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the log is turned over and no new file can be made, none is closed twice: its number may be the spool's."""
    closed: list[int] = []
    opened: list[int] = []
    real_open, real_close, real_write = os.open, os.close, os.write

    def open_(path: Any, flags: int, mode: int = 0o777) -> int:
        if full and str(path).endswith(".jsonl"):
            raise OSError(errno.ENOSPC, "No space left on device")
        opened.append(found := real_open(path, flags, mode))
        return found

    def close(descriptor: int) -> None:
        closed.append(descriptor)
        real_close(descriptor)

    letters = DeadLetters(tmp_path / "w0.jsonl", max_file_bytes=200)
    letter = Letter(log.now(), "malformed_json", 400, "m" * 150, "/v1/batch")
    monkeypatch.setattr(os, "open", open_)
    monkeypatch.setattr(os, "close", close)
    for state in (False, True, False):
        full = state
        assert letters.wants(letter.code)
        letters.write(letter, None, may_keep=False)
        assert len(closed) == len(opened)
    monkeypatch.setattr(os, "write", lambda descriptor, data: real_write(descriptor, data[:20]))
    assert letters.wants(letter.code)
    letters.write(letter, None, may_keep=False)
    assert (tmp_path / "w0.jsonl").read_bytes() == b""
