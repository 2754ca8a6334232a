"""What the plan drops or hashes is nowhere in the data directory: not in the spool, not in the engine, not in a log."""

from __future__ import annotations

import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest

from tests.support.house import KEY, SOURCE, House, environment, open_house, wait_for
from trackway import Tracker
from trackway_collector.spool import SpoolReader
from trackway_plan import EventSpec, Plan, PropertySpec, Release, Source, compile_release
from trackway_plan.redact import hashed

HASH_KEY = "a key of the operator's own"
SECRETS = [f"secret-{uuid.uuid4()}" for _ in range(2)]


def gifts() -> Release:
    inner = {"street": PropertySpec(kind="string", store="hash"), "note": PropertySpec(kind="text", store="drop")}
    properties = inner | {
        "packets": PropertySpec(kind="int"),
        "guests": PropertySpec(kind="list", of=PropertySpec(kind="object", properties=inner)),
    }
    event = EventSpec(name="gift_sent", properties=properties)
    plan = Plan(name="gifts", sources={SOURCE: Source(name=SOURCE)}, events={event.name: event}, traits={"user": inner})
    return compile_release(plan, 1)


def gift(**changes: Any) -> dict[str, Any]:
    base = {"type": "track", "event": "gift_sent", "messageId": str(uuid.uuid4()), "userId": "ana"}
    return base | {"properties": {"packets": 1, "street": SECRETS[0], "note": SECRETS[1]}} | changes


BATCH = [
    gift(),
    gift(properties={"packets": 1, "guests": [{"street": SECRETS[0], "note": SECRETS[1]}]}),
    gift(properties={"packets": "three", "street": SECRETS[0], "note": SECRETS[1]}),
    gift(properties={"packets": 1, "street": [SECRETS[0]], "note": {"a": SECRETS[1]}}),
    gift(properties={"packets": float("nan"), "street": SECRETS[0], "note": SECRETS[1]}),
    gift(type="nonsense"),
    gift(type="identify", traits={"street": SECRETS[0], "note": SECRETS[1]}, event=None, properties=None),
    gift(pad="x" * 40_000),
]


def everything(house: House) -> bytes:
    """All that the house keeps: its files as they are, the spool unpacked, and every row."""
    found = [path.read_bytes() for path in house.directory.rglob("*") if path.is_file()]
    found.append((house.directory.parent / f"{house.directory.name}.log").read_bytes())
    for spool in house.spool_dir.iterdir():
        reader, segment, byte = SpoolReader(spool), 0, 0
        while (chunk := reader.read(segment, byte, max_events=1_000)) is not None:
            found += [repr(record).encode() + body for block in chunk.blocks for record, body in block.records()]
            segment, byte = chunk.segment, chunk.to_byte
    with house.warehouse() as warehouse:
        for table in ("events", "quarantine"):
            found.append(repr(warehouse.query(f"SELECT * FROM {table}").rows).encode())  # noqa: S608
    return b"\n".join(found)


def test_nothing_of_it_is_found_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stored, flagged, quarantined, unreadable and rejected events, by HTTP and by an SDK without a key."""
    monkeypatch.setenv("TRACKWAY_HASH_KEY", HASH_KEY)
    (tmp_path / "0001.json").write_bytes(gifts().to_json())
    with open_house(tmp_path / "data", "--plan", str(tmp_path / "0001.json")) as house:
        assert house.post(BATCH)[0] == 200
        monkeypatch.delenv("TRACKWAY_HASH_KEY")
        with Tracker(KEY, host=house.url, plan=gifts(), source=SOURCE, on_violation="flag") as tracker:
            tracker.track("gift_sent", {"packets": 1, "street": SECRETS[0], "note": SECRETS[1]}, user_id="ana")
        stored = "SELECT (SELECT count() FROM events) + (SELECT count() FROM quarantine)"
        wait_for(lambda: house.value(stored) == len(BATCH), 60, "all but the rejected event are stored")
        kept = everything(house)

    # One event was too large, and the SDK's came on top.
    assert hashed(f'"{SECRETS[0]}"'.encode(), HASH_KEY.encode()).encode() in kept
    assert [secret for secret in SECRETS if secret.encode() in kept] == []
    assert HASH_KEY.encode() not in kept


def test_without_a_key_the_collector_does_not_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit 3 and the setting that is missing, before anything is accepted."""
    monkeypatch.delenv("TRACKWAY_HASH_KEY", raising=False)
    (tmp_path / "0001.json").write_bytes(gifts().to_json())
    for command in ("up", "collector serve"):
        words = [*command.split(), "--data-dir", str(tmp_path / "data"), "--plan", str(tmp_path / "0001.json")]
        done = subprocess.run(
            [sys.executable, "-m", "trackway", *words, "--write-key", "web=k"],
            capture_output=True, text=True, timeout=60, env=environment(), cwd=tmp_path,
        )  # fmt: skip
        assert done.returncode == 3, done.stderr
        assert "TRACKWAY_HASH_KEY" in done.stderr
